#include "weft/frontends/nn/conv_lstm.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/nn/layer.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

constexpr std::string_view kConvLstm = "convlstm";

Size2d kernel_of(const Value& weight) { return {weight.shape()[2].size(), weight.shape()[3].size()}; }

/// conv2d(x, W) + b of pictures [rows, channels, height, width].
Value fresh_pictures(const ConvLstm& layer, const Value& x) {
  Conv2dOptions sliding = layer.options.sliding;
  if (layer.options.same)
    sliding.padding = same_padding(x.shape(), kernel_of(layer.weight), sliding.stride, sliding.dilation);
  const Value y = weft::conv2d(x, layer.weight, sliding);
  if (!layer.bias.has_value()) return y;
  return y + reshape(layer.bias, Shape{layer.bias.shape()[0], 1, 1});
}

std::vector<Value> next_pictures(const ConvLstm& layer, const Value& fresh, std::span<const Value> states) {
  const Value& u = layer.recurrent_weight;
  const Padding2d padding = same_padding(states[0].shape(), kernel_of(u));
  const Value sum = fresh + weft::conv2d(states[0], u, {.padding = padding});
  const std::vector<Value> gates = split(sum, 4, 1);
  const Value c = sigmoid(gates[1]) * states[1] + sigmoid(gates[0]) * tanh(gates[2]);
  return {sigmoid(gates[3]) * tanh(c), c};
}

void expect_pictures(const ConvLstm& layer, const Operand& x, std::size_t rank, std::string_view leading) {
  const TensorType& type = x.value(kConvLstm).type();
  expect_value(layer.weight, kConvLstm, "the weight of the layer", x.where());
  const Dim channels = layer.weight.shape()[1] * layer.options.sliding.groups;
  const bool fits = type.shape.rank() == rank && type.shape[rank - 3] == channels;
  expect_input(kConvLstm, layer.weight, type, fits,
               fmt::format("[{}, {}, height, width]", leading, to_string(channels)), x.where());
}

void expect_states(const ConvLstm& layer, std::span<const Value> states, const Shape& shape,
                   const Where& where) {
  const auto refuse = [&](const std::string& expected, const std::string& actual) {
    throw Error(ErrorCode::shape_mismatch, "the layer cannot start so",
                {.op = std::string(kConvLstm),
                 .node = layer_name(layer.weight),
                 .expected = expected,
                 .actual = actual,
                 .where = to_string(where)});
  };
  if (states.size() != 2) refuse("2 states", std::to_string(states.size()));
  const TensorType expected{layer.weight.dtype(), shape};
  for (const Value& state : states) {
    if (state.type() != expected) refuse(to_string(expected), to_string(state.type()));
  }
}

/// What is behind the first axes.
Shape without_axes(const Shape& shape, std::size_t count) {
  return Shape({shape.begin() + static_cast<std::ptrdiff_t>(count), shape.end()});
}

Shape in_front(std::initializer_list<Dim> dims, const Shape& rest) {
  std::vector<Dim> all(dims);
  all.insert(all.end(), rest.begin(), rest.end());
  return Shape(std::move(all));
}

/// The bias begins with `forget_bias` in the quarter of f.
Value initial_bias_of_gates(const InitializerArgs& args, const ConvLstmOptions& options) {
  const Value drawn = options.bias_initializer(args);
  if (options.forget_bias == 0.0) return drawn;
  const auto filters = static_cast<std::size_t>(args.shape[0].size() / 4);
  Tensor shift = Tensor::zeros(f64, {args.shape[0].size()});
  std::ranges::fill(shift.mutable_values<double>().subspan(filters, filters), options.forget_bias);
  return drawn + cast(constant(args.graph, shift), args.dtype);
}

}  // namespace

std::int64_t ConvLstm::filters() const { return recurrent_weight.shape()[1].size(); }

RecurrentResult ConvLstm::run(const Operand& x, const RecurrentStart& start) const {
  expect_pictures(*this, x, 5, options.time_major ? "length, batch" : "batch, length");
  if (start.lengths.has_value()) {
    throw Error(ErrorCode::invalid_argument, "the layer takes sequences of one length",
                {.op = std::string(kConvLstm), .node = layer_name(weight), .where = to_string(x.where())});
  }
  Graph& graph = weight.graph();
  const Scope origin(graph, "", x.where());
  const Value steps = options.time_major ? x.value() : move_axis(x, 1, 0);
  const Dim length = steps.shape()[0];
  const Dim batch = steps.shape()[1];
  // The pictures of all steps in one convolution.
  const Value fresh =
      fresh_pictures(*this, reshape(steps, in_front({length * batch}, without_axes(steps.shape(), 2))));
  const Shape state = in_front({batch, filters()}, without_axes(fresh.shape(), 2));
  std::vector<Value> states = start.states;
  if (states.empty()) states.assign(2, broadcast_to(constant(graph, 0.0, weight.dtype()), state));
  expect_states(*this, states, state, x.where());
  const ScanFunction step = [&](std::span<const Value> known, std::span<const Value> at) {
    const std::vector<Value> next = next_pictures(*this, at[0], known);
    return ScanStep{.states = next, .outputs = {next[0]}};
  };
  const Value sequence = reshape(fresh, in_front({length, batch}, without_axes(fresh.shape(), 1)));
  const ScanResult made =
      scan(step, states, std::array{sequence},
           {.reverse = options.reverse, .length = length, .checkpoint = options.checkpoint}, x.where());
  return {.outputs = options.time_major ? made.outputs[0] : move_axis(made.outputs[0], 0, 1),
          .states = made.states};
}

std::vector<Value> ConvLstm::step(const Operand& x, const std::vector<Value>& states) const {
  expect_pictures(*this, x, 4, "batch");
  const Scope origin(weight.graph(), "", x.where());
  const Value fresh = fresh_pictures(*this, x.value());
  expect_states(*this, states, in_front({x.value().shape()[0], filters()}, without_axes(fresh.shape(), 2)),
                x.where());
  return next_pictures(*this, fresh, states);
}

std::vector<Value> ConvLstm::parameters() const {
  std::vector<Value> all{weight, recurrent_weight};
  if (bias.has_value()) all.push_back(bias);
  return all;
}

ConvLstm convlstm(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                  const Size2d& kernel, DType dtype, const ConvLstmOptions& options, Where where) {
  const Transaction whole(graph);
  const std::int64_t groups = options.sliding.groups;
  if (groups < 1 || channels % groups != 0 || 4 * filters % groups != 0) {
    throw Error(ErrorCode::invalid_argument, "the groups do not divide the channels and the gates",
                {.op = std::string(kConvLstm),
                 .node = std::string(name),
                 .expected = fmt::format("a divisor of {} and {}", channels, 4 * filters),
                 .actual = std::to_string(groups),
                 .where = to_string(where)});
  }
  const Scope origin(graph, name, where);
  const std::int64_t taps = kernel.values()[0] * kernel.values()[1];
  // Fans are those of one gate.
  InitializerArgs args{.graph = graph,
                       .dtype = dtype,
                       .shape = {4 * filters, channels / groups, kernel.values()[0], kernel.values()[1]},
                       .fan_in = channels / groups * taps,
                       .fan_out = filters * taps,
                       .where = where};
  ConvLstm layer;
  layer.options = options;
  layer.weight = parameter(graph, "weight", options.weight_initializer(args), where);
  args.shape = {4 * filters, filters, kernel.values()[0], kernel.values()[1]};
  args.fan_in = filters * taps;
  layer.recurrent_weight = parameter(graph, "recurrent_weight", options.recurrent_initializer(args), where);
  args.shape = {4 * filters};
  if (options.bias) layer.bias = parameter(graph, "bias", initial_bias_of_gates(args, options), where);
  return layer;
}

}  // namespace weft::nn
