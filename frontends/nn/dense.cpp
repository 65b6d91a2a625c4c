#include "weft/frontends/nn/dense.h"

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"

namespace weft::nn {

Value Dense::operator()(const Operand& x) const {
  const Scope origin(expect_value(weight, "dense", "the weight of the layer", x.where()).graph(), "",
                     x.where());
  const Value product = matmul(x, weight);
  return bias.has_value() ? product + bias : product;
}

Value Dense::operator()(const SparseValue& x, Where where) const {
  const Scope origin(expect_value(weight, "dense", "the weight of the layer", where).graph(), "", where);
  const Value product = matmul(x, weight);
  return bias.has_value() ? product + bias : product;
}

std::vector<Value> Dense::parameters() const {
  return bias.has_value() ? std::vector<Value>{weight, bias} : std::vector<Value>{weight};
}

Dense dense(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype,
            const DenseOptions& options, Where where) {
  const Scope origin(graph, name, where);
  InitializerArgs args{.graph = graph,
                       .dtype = dtype,
                       .shape = {inputs, units},
                       .fan_in = inputs,
                       .fan_out = units,
                       .where = where};
  Dense layer;
  layer.weight = parameter(graph, "weight", options.weight_initializer(args), where);
  args.shape = {units};
  if (options.bias) layer.bias = parameter(graph, "bias", options.bias_initializer(args), where);
  return layer;
}

Value dense(const Operand& x, std::string_view name, std::int64_t units, const DenseOptions& options) {
  const Value value = x.value("dense");
  if (value.shape().rank() < 2) {
    throw Error(ErrorCode::shape_mismatch, "a dense layer takes rows of inputs",
                {.op = "dense",
                 .node = std::string(name),
                 .expected = "[..., inputs] with at least two axes",
                 .actual = to_string(value.shape()),
                 .where = to_string(x.where())});
  }
  const std::int64_t inputs =
      located("dense", x.where(), [&] { return value.shape()[value.shape().rank() - 1].size(); });
  return dense(value.graph(), name, inputs, units, value.dtype(), options, x.where())(x);
}

}  // namespace weft::nn
