#include "weft/frontends/nn/recurrent_weights.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "weft/graph/evaluate.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"

namespace weft::nn {
namespace {

/// For each of a layer's gates, which of theirs it is.
std::vector<std::int64_t> gates_in(GateOrder order, Cell cell) {
  if (cell == Cell::rnn) return {0};
  if (cell == Cell::gru)
    return order == GateOrder::torch ? std::vector<std::int64_t>{0, 1, 2}
                                     : std::vector<std::int64_t>{1, 0, 2};
  return order == GateOrder::onnx ? std::vector<std::int64_t>{0, 2, 3, 1}
                                  : std::vector<std::int64_t>{0, 1, 2, 3};
}

Tensor in_order(const Tensor& x, const std::vector<std::int64_t>& gates, std::int64_t units) {
  const auto axis = static_cast<std::int64_t>(x.rank()) - 1;
  std::vector<Tensor> parts;
  for (const std::int64_t gate : gates) {
    const Slice part{.axis = axis, .start = gate * units, .stop = (gate + 1) * units, .step = 1};
    parts.push_back(evaluate(part, {{x}})[0]);
  }
  return evaluate(Concat{axis}, parts)[0];
}

void expect(const Tensor& x, const Shape& expected, std::string_view what, const Recurrent& layer,
            const Where& where) {
  const TensorType type{layer.weight.dtype(), expected};
  if (!x.empty() && x.type() == type) return;
  throw Error(ErrorCode::shape_mismatch, fmt::format("the {} does not fit the layer", what),
              {.node = layer.weight.name(),
               .expected = to_string(type),
               .actual = x.empty() ? "nothing" : to_string(x.type()),
               .where = to_string(where)});
}

}  // namespace

RecurrentWeights weights_from(GateOrder order, const RecurrentWeights& theirs, const Recurrent& layer,
                              Where where) {
  const std::int64_t units = layer.units();
  const std::vector<std::int64_t> gates = gates_in(order, layer.cell);
  const bool transposed = order != GateOrder::keras;
  const auto taken = [&](const Tensor& x, const Shape& shape, std::string_view what) {
    const Shape expected = transposed ? Shape{shape[1], shape[0]} : shape;
    expect(x, expected, what, layer, where);
    return in_order(transposed ? evaluate(Transpose{{1, 0}}, {{x}})[0] : x, gates, units);
  };
  RecurrentWeights ours{
      .weight = taken(theirs.weight, layer.weight.shape(), "weight"),
      .recurrent_weight = taken(theirs.recurrent_weight, layer.recurrent_weight.shape(), "recurrent weight")};
  if (!layer.bias.has_value()) return ours;
  const auto bias = [&](const Tensor& x, std::string_view what) {
    if (x.empty()) return Tensor::zeros(layer.bias.dtype(), layer.bias.shape().sizes());
    expect(x, layer.bias.shape(), what, layer, where);
    return in_order(x, gates, units);
  };
  ours.bias = bias(theirs.bias, "bias");
  const Tensor of_state = bias(theirs.recurrent_bias, "recurrent bias");
  if (layer.recurrent_bias.has_value()) {
    ours.recurrent_bias = of_state;
  } else {
    ours.bias = evaluate(Add{}, {{ours.bias, of_state}})[0];
  }
  return ours;
}

}  // namespace weft::nn
