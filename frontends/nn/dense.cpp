#include "weft/frontends/nn/dense.h"

#include <fmt/format.h>

#include "weft/ops/einsum.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

/// Throws unless the last axis of x has as many elements as the weight has rows.
void expect_inputs(const Value& weight, const TensorType& x, const Where& where) {
  expect_value(weight, "dense", "the weight of the layer", where);
  const Dim& inputs = weight.shape()[0];
  const std::size_t rank = x.shape.rank();
  expect_input("dense", weight, x, rank >= 1 && x.shape[rank - 1] == inputs,
               fmt::format("[..., {}]", to_string(inputs)), where);
}

/// The size of the last axis of x.
std::int64_t inputs_of(std::string_view name, const TensorType& x, Where where) {
  const std::size_t rank = x.shape.rank();
  if (rank >= 2 && is_float(x.dtype) && x.shape[rank - 1].is_number()) return x.shape[rank - 1].size();
  throw Error(ErrorCode::shape_mismatch, "a dense layer takes rows of inputs",
              {.op = "dense",
               .node = std::string(name),
               .expected = "f32 or f64 [..., inputs] with at least two axes, of which the last is a number",
               .actual = to_string(x),
               .where = to_string(where)});
}

std::vector<Value> weight_and_bias(const Value& weight, const Value& bias) {
  return bias.has_value() ? std::vector<Value>{weight, bias} : std::vector<Value>{weight};
}

/// A layer with a weight, as the arguments say, and a bias for each unit.
template <typename Layer>
Layer with_parameters(InitializerArgs args, const DenseOptions& options) {
  Layer layer;
  layer.weight = parameter(args.graph, "weight", options.weight_initializer(args), args.where);
  args.shape = {args.fan_out};
  if (options.bias) layer.bias = parameter(args.graph, "bias", options.bias_initializer(args), args.where);
  return layer;
}

}  // namespace

Value Dense::operator()(const Operand& x) const {
  expect_inputs(weight, x.value("dense").type(), x.where());
  const Scope origin(weight.graph(), "", x.where());
  const Value product = matmul(x, weight);
  return bias.has_value() ? product + bias : product;
}

Value Dense::operator()(const SparseValue& x, Where where) const {
  // Bytes take the dtype of the weight in the product.
  expect_inputs(weight, {x.dtype() == u8 ? weight.dtype() : x.dtype(), x.shape()}, where);
  const Scope origin(weight.graph(), "", where);
  const Value product = matmul(x, weight);
  return bias.has_value() ? product + bias : product;
}

std::vector<Value> Dense::parameters() const { return weight_and_bias(weight, bias); }

Dense dense(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype,
            const DenseOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return with_parameters<Dense>({.graph = graph,
                                 .dtype = dtype,
                                 .shape = {inputs, units},
                                 .fan_in = inputs,
                                 .fan_out = units,
                                 .where = where},
                                options);
}

Lazy<Dense> dense(Graph& graph, std::string_view name, std::int64_t units, const DenseOptions& options,
                  Where where) {
  return {graph, name,
          [&graph, units, options, where](std::string_view full, const TensorType& x, Where applied) {
            return dense(graph, full, inputs_of(full, x, applied), units, x.dtype, options, where);
          }};
}

Value dense(const Operand& x, std::string_view name, std::int64_t units, const DenseOptions& options) {
  const Value value = x.value("dense");
  const Transaction whole(value.graph());
  return dense(value.graph(), name, inputs_of(name, value.type(), x.where()), units, value.dtype(), options,
               x.where())(x);
}

Value Bilinear::operator()(const Operand& a, const Operand& b) const {
  expect_value(weight, "bilinear", "the weight of the layer", a.where());
  const auto expect_side = [&](const Operand& x, std::size_t axis) {
    const TensorType& type = x.value("bilinear").type();
    const std::size_t rank = type.shape.rank();
    expect_input("bilinear", weight, type, rank >= 1 && type.shape[rank - 1] == weight.shape()[axis],
                 fmt::format("[..., {}]", to_string(weight.shape()[axis])), x.where());
  };
  expect_side(a, 1);
  expect_side(b, 2);
  const Scope origin(weight.graph(), "", a.where());
  const Value product = einsum("...l,ulr,...r->...u", {a, weight, b});
  return bias.has_value() ? product + bias : product;
}

std::vector<Value> Bilinear::parameters() const { return weight_and_bias(weight, bias); }

Bilinear bilinear(Graph& graph, std::string_view name, std::int64_t left, std::int64_t right,
                  std::int64_t units, DType dtype, const DenseOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  return with_parameters<Bilinear>({.graph = graph,
                                    .dtype = dtype,
                                    .shape = {units, left, right},
                                    .fan_in = left,
                                    .fan_out = units,
                                    .where = where},
                                   options);
}

}  // namespace weft::nn
