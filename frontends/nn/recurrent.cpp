#include "weft/frontends/nn/recurrent.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/nn/dropout.h"
#include "weft/frontends/nn/layer.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

constexpr std::string_view kOp = "recurrent";

std::int64_t gates_of(Cell cell) {
  switch (cell) {
    case Cell::lstm:
      return 4;
    case Cell::gru:
      return 3;
    default:
      return 1;
  }
}

std::size_t states_of(Cell cell) { return cell == Cell::lstm ? 2 : 1; }

Value row_of(const Value& matrix, std::int64_t row) { return squeeze(slice(matrix, 0, row, row + 1), 0); }

std::vector<Value> lstm_step(const Recurrent& layer, const Value& fresh, const Value& h, const Value& c) {
  const std::vector<Value> gates = split(fresh + matmul(h, layer.recurrent_weight), 4, 1);
  const bool sees = layer.peepholes.has_value();
  const auto gate = [&](std::size_t i, std::int64_t row, const Value& cell) {
    return sigmoid(sees ? gates[i] + row_of(layer.peepholes, row) * cell : gates[i]);
  };
  const Value next = gate(1, 1, c) * c + gate(0, 0, c) * tanh(gates[2]);
  return {gate(3, 2, next) * tanh(next), next};
}

std::vector<Value> gru_step(const Recurrent& layer, const Value& fresh, const Value& h) {
  const std::int64_t units = layer.units();
  const Value& u = layer.recurrent_weight;
  const std::vector<Value> x = split(fresh, 3, 1);
  Value reset;
  Value keep;
  Value candidate;
  if (layer.options.reset_after) {
    const Value product = matmul(h, u);
    const std::vector<Value> known =
        split(layer.recurrent_bias.has_value() ? product + layer.recurrent_bias : product, 3, 1);
    reset = sigmoid(x[0] + known[0]);
    keep = sigmoid(x[1] + known[1]);
    candidate = tanh(x[2] + reset * known[2]);
  } else {
    const std::vector<Value> known = split(matmul(h, slice(u, 1, 0, 2 * units)), 2, 1);
    reset = sigmoid(x[0] + known[0]);
    keep = sigmoid(x[1] + known[1]);
    candidate = tanh(x[2] + matmul(reset * h, slice(u, 1, 2 * units, 3 * units)));
  }
  return {(1.0 - keep) * candidate + keep * h};
}

/// The next states; `fresh` is x W + b, and `h` what the products see of the state.
std::vector<Value> next_states(const Recurrent& layer, const Value& fresh, const Value& h,
                               std::span<const Value> states) {
  if (layer.cell == Cell::lstm) return lstm_step(layer, fresh, h, states[1]);
  if (layer.cell == Cell::gru) return gru_step(layer, fresh, h);
  const Value sum = fresh + matmul(h, layer.recurrent_weight);
  return {layer.options.activation == RecurrentActivation::relu ? relu(sum) : tanh(sum)};
}

Value fresh_part(const Recurrent& layer, const Value& x) {
  const Value product = matmul(x, layer.weight);
  return layer.bias.has_value() ? product + layer.bias : product;
}

/// Throws unless x is a batch of sequences with the layer's features.
void expect_sequences(const Recurrent& layer, const Operand& x) {
  const TensorType& type = x.value(kOp).type();
  expect_value(layer.weight, kOp, "the weight of the layer", x.where());
  const Dim& inputs = layer.weight.shape()[0];
  const bool fits = type.shape.rank() == 3 && type.shape[2] == inputs;
  const std::string_view axes = layer.options.time_major ? "length, batch" : "batch, length";
  expect_input(kOp, layer.weight, type, fits, fmt::format("[{}, {}]", axes, to_string(inputs)), x.where());
}

void expect_start(const Recurrent& layer, const RecurrentStart& start, const Shape& state,
                  const Where& where) {
  const auto refuse = [&](const std::string& expected, const std::string& actual) {
    throw Error(ErrorCode::shape_mismatch, "the layer cannot start so",
                {.op = std::string(kOp),
                 .node = layer_name(layer.weight),
                 .expected = expected,
                 .actual = actual,
                 .where = to_string(where)});
  };
  if (!start.states.empty() && start.states.size() != states_of(layer.cell))
    refuse(fmt::format("{} states", states_of(layer.cell)), fmt::format("{}", start.states.size()));
  for (const Value& value : start.states) {
    const TensorType expected{layer.weight.dtype(), state};
    if (value.type() != expected) refuse(to_string(expected), to_string(value.type()));
  }
  if (!start.lengths.has_value()) return;
  const TensorType& lengths = start.lengths.type();
  if (lengths.shape != Shape{state[0]} || !is_index(lengths.dtype))
    refuse(fmt::format("lengths i64[{}]", to_string(state[0])), to_string(lengths));
}

/// Zeros with probability `rate`, otherwise 1 / (1 - rate): for all steps.
Value dropout_mask(Graph& graph, const TensorType& type, double rate) {
  return dropout(broadcast_to(constant(graph, 1.0, type.dtype), type.shape), rate);
}

RecurrentResult run_layer(const Recurrent& layer, const Operand& x, const RecurrentStart& start,
                          bool training) {
  expect_sequences(layer, x);
  Graph& graph = layer.weight.graph();
  const Scope origin(graph, "", x.where());
  const bool drops = training && layer.options.dropout > 0.0;
  const bool drops_state = training && layer.options.recurrent_dropout > 0.0;
  Value sequences = layer.options.time_major ? x.value() : transpose(x, {1, 0, 2});
  const Dim length = sequences.shape()[0];
  const Dim batch = sequences.shape()[1];
  const TensorType state{layer.weight.dtype(), Shape{batch, layer.units()}};
  expect_start(layer, start, state.shape, x.where());
  if (drops) {
    const TensorType features{state.dtype, Shape{batch, sequences.shape()[2]}};
    sequences = sequences * dropout_mask(graph, features, layer.options.dropout);
  }
  const Value mask = drops_state ? dropout_mask(graph, state, layer.options.recurrent_dropout) : Value();
  std::vector<Value> states = start.states;
  const Value zero = constant(graph, 0.0, state.dtype);
  while (states.size() < states_of(layer.cell)) states.push_back(broadcast_to(zero, state.shape));
  std::vector<Value> given{sequences};
  if (start.lengths.has_value()) {
    const Value steps = broadcast_to(constant(graph, 0, i64), Shape{length});
    given.push_back(positions(steps, 0, i64));
  }
  const ScanFunction step = [&](std::span<const Value> known, std::span<const Value> at) {
    const Value seen = drops_state ? known[0] * mask : known[0];
    std::vector<Value> next = next_states(layer, fresh_part(layer, at[0]), seen, known);
    Value output = next[0];
    if (start.lengths.has_value()) {
      const Value inside = expand_dims(less(at[1], cast(start.lengths, i64)), 1);
      output = where(inside, output, 0.0);
      for (std::size_t i = 0; i < next.size(); ++i) next[i] = where(inside, next[i], known[i]);
    }
    return ScanStep{.states = next, .outputs = {output}};
  };
  const ScanResult made =
      scan(step, states, given,
           {.reverse = layer.options.reverse, .length = length, .checkpoint = layer.options.checkpoint},
           x.where());
  const Value& outputs = made.outputs[0];
  return {.outputs = layer.options.time_major ? outputs : transpose(outputs, {1, 0, 2}),
          .states = made.states};
}

/// The bias of an lstm begins with `forget_bias` in the columns of f.
Value initial_bias(const InitializerArgs& args, Cell cell, const RecurrentOptions& options) {
  const Value drawn = options.bias_initializer(args);
  if (cell != Cell::lstm || options.forget_bias == 0.0) return drawn;
  const std::int64_t units = args.shape[0].size() / 4;
  Tensor shift = Tensor::zeros(f64, {4 * units});
  std::ranges::fill(shift.mutable_values<double>().subspan(static_cast<std::size_t>(units),
                                                           static_cast<std::size_t>(units)),
                    options.forget_bias);
  return drawn + cast(constant(args.graph, shift), args.dtype);
}

Recurrent make(Graph& graph, Cell cell, std::string_view name, std::int64_t inputs, std::int64_t units,
               DType dtype, const RecurrentOptions& options, const Where& where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  detail::expect_dropout_rate(kOp, options.dropout, where);
  detail::expect_dropout_rate(kOp, options.recurrent_dropout, where);
  const std::int64_t columns = gates_of(cell) * units;
  // Fans are those of one gate.
  InitializerArgs args{.graph = graph,
                       .dtype = dtype,
                       .shape = {inputs, columns},
                       .fan_in = inputs,
                       .fan_out = units,
                       .where = where};
  Recurrent layer;
  layer.cell = cell;
  layer.options = options;
  layer.weight = parameter(graph, "weight", options.weight_initializer(args), where);
  args.shape = {units, columns};
  args.fan_in = units;
  layer.recurrent_weight = parameter(graph, "recurrent_weight", options.recurrent_initializer(args), where);
  args.shape = {columns};
  if (options.bias) {
    layer.bias = parameter(graph, "bias", initial_bias(args, cell, options), where);
    if (cell == Cell::gru && options.reset_after)
      layer.recurrent_bias = parameter(graph, "recurrent_bias", options.bias_initializer(args), where);
  }
  if (cell == Cell::lstm && options.peepholes) {
    args.shape = {3, units};
    layer.peepholes = parameter(graph, "peepholes", zeros()(args), where);
  }
  return layer;
}

/// Both directions, whose outputs are joined along the features.
template <typename Run>
RecurrentResult in_both_directions(const Bidirectional& layer, const RecurrentStart& start, const Run& run) {
  RecurrentStart there{.lengths = start.lengths};
  RecurrentStart back{.lengths = start.lengths};
  const auto half = static_cast<std::ptrdiff_t>(start.states.size() / 2);
  there.states.assign(start.states.begin(), start.states.begin() + half);
  back.states.assign(start.states.begin() + half, start.states.end());
  const RecurrentResult first = run(layer.forward, there);
  const RecurrentResult second = run(layer.backward, back);
  RecurrentResult both{.outputs = concat({first.outputs, second.outputs}, -1), .states = first.states};
  both.states.insert(both.states.end(), second.states.begin(), second.states.end());
  return both;
}

}  // namespace

std::int64_t Recurrent::units() const { return recurrent_weight.shape()[0].size(); }

RecurrentResult Recurrent::run(const Operand& x, const RecurrentStart& start) const {
  return run_layer(*this, x, start, false);
}

RecurrentResult Recurrent::run_in_training(const Operand& x, const RecurrentStart& start) const {
  return run_layer(*this, x, start, true);
}

std::vector<Value> Recurrent::step(const Operand& x, const std::vector<Value>& states) const {
  const TensorType& type = x.value(kOp).type();
  const bool fits = type.shape.rank() == 2 && type.shape[1] == weight.shape()[0];
  expect_input(kOp, weight, type, fits, fmt::format("[batch, {}]", to_string(weight.shape()[0])), x.where());
  expect_start(*this, {.states = states}, Shape{type.shape[0], units()}, x.where());
  const Scope origin(weight.graph(), "", x.where());
  return next_states(*this, fresh_part(*this, x.value()), states[0], states);
}

std::vector<Value> Recurrent::parameters() const {
  std::vector<Value> all{weight, recurrent_weight};
  for (const Value& value : {bias, recurrent_bias, peepholes}) {
    if (value.has_value()) all.push_back(value);
  }
  return all;
}

Recurrent rnn(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype,
              const RecurrentOptions& options, Where where) {
  return make(graph, Cell::rnn, name, inputs, units, dtype, options, where);
}

Recurrent lstm(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype,
               const RecurrentOptions& options, Where where) {
  return make(graph, Cell::lstm, name, inputs, units, dtype, options, where);
}

Recurrent gru(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype,
              const RecurrentOptions& options, Where where) {
  return make(graph, Cell::gru, name, inputs, units, dtype, options, where);
}

RecurrentResult Bidirectional::run(const Operand& x, const RecurrentStart& start) const {
  return in_both_directions(*this, start,
                            [&](const Recurrent& layer, const RecurrentStart& s) { return layer.run(x, s); });
}

RecurrentResult Bidirectional::run_in_training(const Operand& x, const RecurrentStart& start) const {
  return in_both_directions(*this, start, [&](const Recurrent& layer, const RecurrentStart& s) {
    return layer.run_in_training(x, s);
  });
}

std::vector<Value> Bidirectional::parameters() const {
  std::vector<Value> all = forward.parameters();
  const std::vector<Value> others = backward.parameters();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

Bidirectional bidirectional(Graph& graph, std::string_view name, Cell cell, std::int64_t inputs,
                            std::int64_t units, DType dtype, const RecurrentOptions& options, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  RecurrentOptions back = options;
  back.reverse = !options.reverse;
  return {.forward = make(graph, cell, "forward", inputs, units, dtype, options, where),
          .backward = make(graph, cell, "backward", inputs, units, dtype, back, where)};
}

}  // namespace weft::nn
