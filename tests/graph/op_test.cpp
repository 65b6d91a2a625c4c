#include "weft/graph/op.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "weft/graph/graph.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::numbers;

// Structs in the forms that graph/op.h lists.

struct Scale {  // unary, an attribute of each plain kind
  static constexpr std::string_view name = "scale";
  static constexpr Traits traits{.elementwise = true};
  double factor = 1.0;
  bool negate = false;
  std::int64_t times = 1;
  std::string note{};
  static constexpr auto attributes =
      weft::attributes(&Scale::factor, &Scale::negate, &Scale::times, &Scale::note);
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i] * static_cast<T>(negate ? -factor : factor);
  }
  Value gradient(Value, Value, Value dy) const { return dy * factor; }
};

struct Fma {  // several inputs, views with sizes, no attributes
  static constexpr std::string_view name = "fma";
  TensorType infer(const TensorType& a, const TensorType&, const TensorType&) const { return a; }
  template <std::floating_point T>
  void forward(View<const T> a, View<const T> b, View<const T> c, View<T> y) const {
    for (std::size_t i = 0; i < y.data.size(); ++i) y[i] = a[i] * b[i] + c[i];
  }
  std::array<Value, 3> gradient(Value a, Value b, Value, Value, Value dy) const {
    return {dy * b, dy * a, dy};
  }
};

struct DivMod {  // several outputs of integers
  static constexpr std::string_view name = "divmod";
  std::array<TensorType, 2> infer(const TensorType& a, const TensorType&) const { return {a, a}; }
  template <std::integral T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> quotient, std::span<T> rest) const {
    for (std::size_t i = 0; i < a.size(); ++i) {
      quotient[i] = static_cast<T>(a[i] / b[i]);
      rest[i] = static_cast<T>(a[i] % b[i]);
    }
  }
  static constexpr NoGradient gradient{"it works on integers"};
};

struct Select {  // an outright element type beside the templated one
  static constexpr std::string_view name = "select";
  TensorType infer(const TensorType& x, const TensorType&) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<const bool> keep, std::span<T> y) const {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = keep[i] ? x[i] : T{0};
  }
  static constexpr NoGradient gradient{"nobody needed it"};
};

struct Total {  // any number of inputs, whole arguments, a vector of outputs
  static constexpr std::string_view name = "total";
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const {
    if (inputs.empty()) throw Error(ErrorCode::invalid_argument, "nothing to add up");
    return {inputs[0]};
  }
  void forward(const KernelArgs& args) const {
    const auto y = args.outputs[0].as<double>();
    std::ranges::fill(y, 0.0);
    for (const ConstArg& input : args.inputs) {
      const auto x = input.as<const double>();
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += x[i];
    }
  }
  std::vector<Value> gradient(const GradientArgs& args) const {
    return std::vector<Value>(args.inputs.size(), args.output_gradients[0]);
  }
};

struct Shaped {  // attributes that hold symbols, a dtype, a list and a tensor
  static constexpr std::string_view name = "shaped";
  Shape shape{};
  TensorType type{};
  DType dtype = f32;
  std::vector<std::int64_t> axes{};
  Tensor table{};
  static constexpr auto attributes =
      weft::attributes(&Shaped::shape, &Shaped::type, &Shaped::dtype, &Shaped::axes, &Shaped::table);
  TensorType infer() const { return type; }
  void forward(const KernelArgs&) const {}
  static constexpr NoGradient gradient{"it is a source"};
};

struct Nothing {  // a shape rule that promises no output
  static constexpr std::string_view name = "nothing";
  std::vector<TensorType> infer(std::span<const TensorType>) const { return {}; }
  void forward(const KernelArgs&) const {}
  static constexpr NoGradient gradient{"it has no output"};
};

TEST(Op, PrintsItsAttributesByTheirNames) {
  const Op op = Scale{.factor = 1.5, .negate = true, .times = 3, .note = "hello"};
  EXPECT_EQ(op.name(), "scale");
  EXPECT_EQ(op.attributes_text(), "factor=1.5, negate=true, times=3, note=hello");
  EXPECT_EQ(to_string(op), "scale(factor=1.5, negate=true, times=3, note=hello)");
  EXPECT_EQ(to_string(Op(Fma{})), "fma");
  const Op shaped = Shaped{{"batch", 3}, {i64, {2}}, f64, {0, -1}, Tensor::of<float>({1, 2})};
  EXPECT_EQ(shaped.attributes_text(),
            "shape=[batch, 3], type=i64[2], dtype=f64, axes=[0, -1], table=f32[2] {1, 2}");
}

TEST(Op, EqualsAnOpOfItsTypeWithEqualAttributes) {
  const Op op = Scale{.factor = 1.5};
  EXPECT_EQ(op, Op(Scale{.factor = 1.5}));
  EXPECT_NE(op, Op(Scale{.factor = 1.25}));
  EXPECT_NE(op, Op(Scale{.factor = 1.5, .times = 2}));
  EXPECT_NE(Op(Fma{}), Op(Select{}));
  const auto shaped = [](float x) { return Op(Shaped{.table = Tensor::of<float>({x})}); };
  EXPECT_EQ(shaped(1.0F), shaped(1.0F));
  EXPECT_NE(shaped(1.0F), shaped(2.0F));
}

TEST(Op, ComparesNumbersByTheirBits) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Op(Scale{.factor = nan}), Op(Scale{.factor = nan}));
  EXPECT_NE(Op(Scale{.factor = 0.0}), Op(Scale{.factor = -0.0}));
}

TEST(Op, HashesEqualOpsEqually) {
  const std::vector<Op> ops = {Scale{},
                               Scale{.factor = 0.1},
                               Scale{.factor = -0.0},
                               Fma{},
                               Select{},
                               Scale{.factor = 0.1},
                               Shaped{.table = Tensor::of<float>({1})}};
  for (const Op& a : ops) {
    for (const Op& b : ops) {
      EXPECT_EQ(a == b, a.hash() == b.hash()) << to_string(a) << " and " << to_string(b);
    }
  }
}

TEST(Op, HashesConstantsByMoreThanTheirFirstElements) {
  // A graph may have thousands that begin alike: equal hashes would make merging them quadratic.
  for (const std::int64_t elements : {64, 100'000}) {
    std::set<std::size_t> hashes;
    for (int i = 0; i < 50; ++i) {
      Tensor tensor = Tensor::zeros(f32, {elements});
      for (std::int64_t at = elements / 2; at < elements; ++at)
        tensor.mutable_values<float>()[static_cast<std::size_t>(at)] = static_cast<float>(i);
      const Op op = Constant{tensor};
      EXPECT_EQ(op.hash(), Op(Constant{tensor.clone()}).hash());
      hashes.insert(op.hash());
    }
    EXPECT_EQ(hashes.size(), 50U) << elements << " elements";
  }
  EXPECT_NE(Op(Constant{Tensor::zeros(f32, {2})}).hash(), Op(Constant{Tensor::zeros(i64, {1})}).hash());
}

TEST(Op, BindsSymbolsInItsAttributes) {
  const Op op = Shaped{{"batch", 3}, {f32, {"batch"}}, f32, {}, Tensor::scalar(1.0F)};
  const Op bound = op.bind({{"batch", 8}});
  EXPECT_EQ(bound.as<Shaped>()->shape, (Shape{8, 3}));
  EXPECT_EQ(bound.as<Shaped>()->type, (TensorType{f32, {8}}));
  EXPECT_EQ(op.as<Shaped>()->shape, (Shape{"batch", 3}));
  EXPECT_EQ(op.bind({}), op);
}

TEST(Op, GivesBackTheStructItHolds) {
  const Op op = Scale{.factor = 2.0};
  ASSERT_NE(op.as<Scale>(), nullptr);
  EXPECT_EQ(op.as<Scale>()->factor, 2.0);
  EXPECT_TRUE(op.is<Scale>());
  EXPECT_EQ(op.as<Fma>(), nullptr);
}

TEST(Op, KnowsItsTraitsAndArity) {
  EXPECT_TRUE(Op(Scale{}).traits().elementwise);
  EXPECT_FALSE(Op(Fma{}).traits().elementwise);
  EXPECT_EQ(Op(Scale{}).arity(), 1U);
  EXPECT_EQ(Op(Fma{}).arity(), 3U);
  EXPECT_EQ(Op(Shaped{}).arity(), 0U);
  EXPECT_EQ(Op(Total{}).arity(), std::nullopt);
  EXPECT_EQ(Op(Total{}).constant(), nullptr);
}

TEST(Op, SupportsTheElementTypesOfItsKernel) {
  EXPECT_TRUE(Op(Scale{}).supports(f32));
  EXPECT_TRUE(Op(Scale{}).supports(f64));
  EXPECT_FALSE(Op(Scale{}).supports(i32));
  EXPECT_TRUE(Op(DivMod{}).supports(i64));
  EXPECT_FALSE(Op(DivMod{}).supports(f32));
  EXPECT_TRUE(Op(Total{}).supports(boolean));  // its kernel decides for itself
}

TEST(Op, RunsKernelsOfEveryForm) {
  const auto run = [](const Op& op, const std::vector<Tensor>& inputs) { return evaluate(op, inputs); };
  const Tensor x = Tensor::of<double>({1, 2, 3});
  EXPECT_EQ(numbers(run(Scale{.factor = 2.0}, {x})[0]), (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(numbers(run(Fma{}, {x, x, x})[0]), (std::vector<double>{2, 6, 12}));
  EXPECT_EQ(numbers(run(Select{}, {x, Tensor::of<bool>({true, false, true})})[0]),
            (std::vector<double>{1, 0, 3}));
  EXPECT_EQ(numbers(run(Total{}, {x, x, x, x})[0]), (std::vector<double>{4, 8, 12}));
  const auto parts = run(DivMod{}, {Tensor::of<std::int32_t>({7, 9}), Tensor::of<std::int32_t>({2, 5})});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(numbers(parts[0]), (std::vector<double>{3, 1}));
  EXPECT_EQ(numbers(parts[1]), (std::vector<double>{1, 4}));
}

TEST(Op, GivesAllOutputsAsValues) {
  Graph graph;
  const Value a = constant(graph, Tensor::of<std::int32_t>({7, 9}));
  const Value b = constant(graph, Tensor::of<std::int32_t>({2, 5}));
  const std::vector<Value> parts = apply_all(DivMod{}, {a, b});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].node(), parts[1].node());
  const auto results = evaluate_values(parts);
  EXPECT_EQ(numbers(results[1]), (std::vector<double>{1, 4}));
}

TEST(Op, RejectsKernelArgumentsOfAnotherDType) {
  const Tensor x = Tensor::of<double>({1});
  expect_error(ErrorCode::dtype_mismatch, {"expected bool", "got f64"},
               [&] { evaluate(Select{}, std::vector{x, x}); });
  expect_error(ErrorCode::dtype_mismatch, {"scale has no kernel for i32"},
               [] { evaluate(Scale{}, std::vector{Tensor::of<std::int32_t>({1})}); });
}

TEST(Op, RejectsAnotherNumberOfInputs) {
  Graph graph;
  const Value x = constant(graph, 1.0);
  expect_error(ErrorCode::invalid_argument, {"fma", "expected 3 inputs, got 2", "op_test.cpp"},
               [&] { apply(Fma{}, x, x); });
  expect_error(ErrorCode::invalid_argument, {"scale", "expected 1 input, got 3"},
               [&] { apply(Scale{}, x, x, x); });
}

TEST(Op, RejectsAShapeRuleWithoutOutputs) {
  Graph graph;
  const Value x = constant(graph, 1.0);
  const std::size_t size = graph.size();
  expect_error(ErrorCode::internal, {"nothing", "no output"}, [&] { apply(Nothing{}, x); });
  EXPECT_EQ(graph.size(), size);
}

TEST(Op, SaysWhyItHasNoGradient) {
  EXPECT_EQ(Op(Scale{}).no_gradient(), std::nullopt);
  EXPECT_EQ(Op(DivMod{}).no_gradient().value_or(NoGradient{"none"}).reason, "it works on integers");
  expect_error(ErrorCode::not_differentiable, {"divmod", "it works on integers"},
               [] { Op(DivMod{}).gradient({}); });
}

TEST(Op, BuildsGradientsOfEveryForm) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({2, 3}));
  const auto rule = [&](const Op& op, const std::vector<Value>& inputs) {
    const Value y = apply_many(op, std::vector<Operand>(inputs.begin(), inputs.end()));
    const Value dy = constant(graph, Tensor::of<double>({1, 1}));
    return evaluate_values(op.gradient({.inputs = inputs, .outputs = {&y, 1}, .output_gradients = {&dy, 1}}));
  };
  EXPECT_EQ(numbers(rule(Scale{.factor = 4.0}, {x})[0]), (std::vector<double>{4, 4}));
  const auto fma = rule(Fma{}, {x, x + 1.0, x});
  ASSERT_EQ(fma.size(), 3U);
  EXPECT_EQ(numbers(fma[0]), (std::vector<double>{3, 4}));
  EXPECT_EQ(numbers(fma[1]), (std::vector<double>{2, 3}));
  EXPECT_EQ(rule(Total{}, {x, x, x, x}).size(), 4U);
}

}  // namespace
}  // namespace weft
