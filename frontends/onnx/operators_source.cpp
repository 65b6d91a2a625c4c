#include <array>
#include <cmath>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/graph/error.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/layout.h"
#include "weft/ops/random.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

/// A tensor of the numbers of an attribute.
Tensor numbers_tensor(const std::vector<double>& numbers) {
  const std::vector<float> narrow(numbers.begin(), numbers.end());
  return Tensor::of(narrow);
}

Items constant_rule(const NodeView& node) {
  if (const AttributeProto* const value = node.find("value"); value != nullptr && value->t != nullptr)
    return node.weight_of(*value->t);
  if (const AttributeProto* const value = node.find("sparse_value");
      value != nullptr && value->sparse_tensor != nullptr)
    return node.constant_of(read_sparse_tensor(*value->sparse_tensor, {}));
  if (node.has_attribute("value_float"))
    return node.constant_of(Tensor::scalar(static_cast<float>(node.number("value_float", 0.0))));
  if (node.has_attribute("value_int")) return node.constant_of(Tensor::scalar(node.integer("value_int", 0)));
  if (node.has_attribute("value_floats"))
    return node.constant_of(numbers_tensor(node.numbers("value_floats")));
  if (node.has_attribute("value_ints")) return node.constant_of(Tensor::of(node.integers("value_ints")));
  node.refuse("its value is of a kind that weft has no dtype for");
}

/// A constant is made here: a file may not ask for one of any size.
void expect_size(double elements) {
  constexpr double kMost = 1 << 28;
  if (!(elements <= kMost)) throw Error(ErrorCode::invalid_argument, "it makes more than 2^28 numbers");
}

Items constant_of_shape_rule(const NodeView& node) {
  std::vector<Dim> dims;
  for (const Whole& size : node.wholes(0, "the shape").numbers) dims.push_back(size.dim());
  const Tensor value = node.has_attribute("value") ? node.tensor("value") : Tensor::scalar(0.0F);
  if (value.elements() != 1) throw Error(ErrorCode::shape_mismatch, "its value is not one number");
  return broadcast_to(node.constant_of(value.reshaped({})), Shape(std::move(dims)));
}

Items eye_like_rule(const NodeView& node) {
  const Value x = node.value(0);
  if (x.shape().rank() != 2) throw Error(ErrorCode::shape_mismatch, "it takes a matrix");
  const DType dtype = dtype_attribute(node, "dtype", x.dtype());
  if (!x.shape().is_concrete()) node.refuse("its size must be known when the model is imported");
  expect_size(static_cast<double>(x.shape()[0].size()) * static_cast<double>(x.shape()[1].size()));
  return eye(node.graph(), x.shape()[0].size(), x.shape()[1].size(), node.integer("k", 0), dtype);
}

Items range_rule(const NodeView& node) {
  const Wholes limit = node.item(1).wholes != nullptr ? *node.item(1).wholes : Wholes{};
  if (!limit.numbers.empty()) {  // 0, 1, ... up to a size that depends on symbols
    const bool counts = node.integer(0, "the start") == 0 && node.integer(2, "the step") == 1;
    if (!counts) node.refuse("a range up to a size that depends on symbols begins with 0 and has steps of 1");
    return positions(full(node.graph(), Shape{limit.numbers[0].dim()}, 0, i64), 0, limit.dtype);
  }
  const Tensor start = node.constant(0, "the start");
  const Tensor stop = node.constant(1, "the end");
  const Tensor step = node.constant(2, "the step");
  return visit_dtype(start.dtype(), [&]<typename T>(T) -> Value {
    if constexpr (std::is_arithmetic_v<T>) {
      expect_size((static_cast<double>(stop.item<T>()) - static_cast<double>(start.item<T>())) /
                  static_cast<double>(step.item<T>()));
      return arange(node.graph(), start.item<T>(), stop.item<T>(), step.item<T>(), start.dtype());
    } else {
      node.refuse("a range has no floats of 16 bits");
    }
  });
}

// --- random numbers; a seed of a node is not that of a session, and does not count ---

Shape shape_attribute(const NodeView& node) {
  const auto sizes = node.integers("shape");
  return Shape::of(sizes);
}

Items random_normal_rule(const NodeView& node) {
  node.ignore({"seed"});
  return random_normal(node.graph(), dtype_attribute(node, "dtype", f32), shape_attribute(node),
                       node.number("mean", 0.0), node.number("scale", 1.0));
}

Items random_uniform_rule(const NodeView& node) {
  node.ignore({"seed"});
  return random_uniform(node.graph(), dtype_attribute(node, "dtype", f32), shape_attribute(node),
                        node.number("low", 0.0), node.number("high", 1.0));
}

Items random_normal_like_rule(const NodeView& node) {
  node.ignore({"seed"});
  const Value x = node.value(0);
  return random_normal(node.graph(), dtype_attribute(node, "dtype", x.dtype()), x.shape(),
                       node.number("mean", 0.0), node.number("scale", 1.0));
}

Items random_uniform_like_rule(const NodeView& node) {
  node.ignore({"seed"});
  const Value x = node.value(0);
  return random_uniform(node.graph(), dtype_attribute(node, "dtype", x.dtype()), x.shape(),
                        node.number("low", 0.0), node.number("high", 1.0));
}

Items bernoulli_rule(const NodeView& node) {
  node.ignore({"seed"});
  const Value p = node.value(0);
  return cast(random_bernoulli(p), dtype_attribute(node, "dtype", p.dtype()));
}

/// `sample_size` classes for each row of log-probabilities.
Items multinomial_rule(const NodeView& node) {
  node.ignore({"seed"});
  const Value logits = node.value(0);
  if (logits.shape().rank() != 2)
    throw Error(ErrorCode::shape_mismatch, "it takes rows of log-probabilities");
  const Dim samples = node.integer("sample_size", 1);
  const Shape repeated{logits.shape()[0], samples, logits.shape()[1]};
  return cast(random_categorical(broadcast_to(expand_dims(logits, 1), repeated)),
              dtype_attribute(node, "dtype", i32));
}

constexpr std::array kSources{
    RuleEntry{"Bernoulli", bernoulli_rule},
    RuleEntry{"Constant", constant_rule},
    RuleEntry{"ConstantOfShape", constant_of_shape_rule},
    RuleEntry{"EyeLike", eye_like_rule},
    RuleEntry{"Multinomial", multinomial_rule},
    RuleEntry{"RandomNormal", random_normal_rule},
    RuleEntry{"RandomNormalLike", random_normal_like_rule},
    RuleEntry{"RandomUniform", random_uniform_rule},
    RuleEntry{"RandomUniformLike", random_uniform_like_rule},
    RuleEntry{"Range", range_rule},
};

}  // namespace

std::span<const RuleEntry> source_rules() { return kSources; }

}  // namespace weft::onnx
