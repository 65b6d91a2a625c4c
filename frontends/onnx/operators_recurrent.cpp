// RNN, GRU and LSTM, as scans. Gates are computed for all steps at once as far as they depend on the input
// alone.

#include <array>
#include <cctype>
#include <functional>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/matmul.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

using Activation = std::function<Value(const Value&)>;

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Takes the numbers of activations in order, each by those that need one.
class ActivationNumbers {
 public:
  explicit ActivationNumbers(std::vector<double> numbers) : numbers_(std::move(numbers)) {}
  double next(double otherwise) { return at_ < numbers_.size() ? numbers_[at_++] : otherwise; }

 private:
  std::vector<double> numbers_;
  std::size_t at_ = 0;
};

Activation activation_named(const NodeView& node, const std::string& name, ActivationNumbers& alphas,
                            ActivationNumbers& betas) {
  const std::string low = lower_case(name);
  if (low == "relu") return [](const Value& x) { return relu(x); };
  if (low == "tanh") return [](const Value& x) { return tanh(x); };
  if (low == "sigmoid") return [](const Value& x) { return sigmoid(x); };
  if (low == "softplus") return [](const Value& x) { return softplus(x); };
  if (low == "softsign") return [](const Value& x) { return x / (abs(x) + 1.0); };
  if (low == "leakyrelu") return [a = alphas.next(0.01)](const Value& x) { return leaky_relu(x, a); };
  if (low == "elu") return [a = alphas.next(1.0)](const Value& x) { return elu(x, a); };
  if (low == "thresholdedrelu")
    return [a = alphas.next(1.0)](const Value& x) { return where(greater(x, a), x, 0.0); };
  const bool is_hard = low == "hardsigmoid";
  if (!is_hard && low != "affine" && low != "scaledtanh")
    node.refuse("no activation '" + name + "' is known here");
  const double a = alphas.next(is_hard ? 0.2 : 1.0);
  const double b = betas.next(is_hard ? 0.5 : low == "affine" ? 0.0 : 1.0);
  if (is_hard) return [a, b](const Value& x) { return clip(x * a + b, 0.0, 1.0); };
  if (low == "affine") return [a, b](const Value& x) { return x * a + b; };
  return [a, b](const Value& x) { return tanh(x * b) * a; };
}

/// What one direction computes with. Gates stand side by side in rows of `hidden`.
struct Direction {
  Value inputs;          // [time, batch, gates * hidden]: x W^T, with both biases where they only add up
  Value recurrence;      // [gates * hidden, hidden]
  Value recurrent_bias;  // [gates * hidden], or none
  Value peepholes;       // [3 * hidden], or none
  Value h;               // [batch, hidden]
  Value c;               // [batch, hidden], of an LSTM
  std::vector<Activation> activations;
};

struct RecurrentNode {
  const NodeView& node;
  std::int64_t hidden = 0;
  double clip_at = 0.0;  // 0: nowhere
  bool has_lengths = false;
  bool is_batch_first = false;
  std::size_t directions = 1;

  Value clipped(const Value& x) const { return clip_at > 0.0 ? clip(x, -clip_at, clip_at) : x; }
  /// Columns of gate `gate` of [..., gates * hidden].
  Value gate(const Value& x, std::int64_t gate) const {
    return slice(x, static_cast<std::int64_t>(x.shape().rank()) - 1, gate * hidden, (gate + 1) * hidden);
  }
};

/// The next state of a direction, from its inputs at one step.
using Cell = void (*)(const RecurrentNode& of, const Value& x, Direction& direction);

void rnn_cell(const RecurrentNode& of, const Value& x, Direction& d) {
  d.h = d.activations[0](of.clipped(x + matmul(d.h, d.recurrence, false, true)));
}

/// Gates z, r, h: h' = (1 - z) g(...) + z h.
void gru_cell(const RecurrentNode& of, const Value& x, Direction& d) {
  const std::int64_t hidden = of.hidden;
  const Value rows = slice(d.recurrence, 0, 0, 2 * hidden);
  const Value both = slice(x, 1, 0, 2 * hidden) + matmul(d.h, rows, false, true);
  const Value z = d.activations[0](of.clipped(of.gate(both, 0)));
  const Value r = d.activations[0](of.clipped(of.gate(both, 1)));
  const Value last = slice(d.recurrence, 0, 2 * hidden, 3 * hidden);
  const Value x_h = of.gate(x, 2);
  Value candidate;
  if (of.node.integer("linear_before_reset", 0) != 0) {
    Value linear = matmul(d.h, last, false, true);
    if (d.recurrent_bias.has_value()) linear = linear + of.gate(d.recurrent_bias, 2);
    candidate = x_h + r * linear;
  } else {
    candidate = x_h + matmul(r * d.h, last, false, true);
    if (d.recurrent_bias.has_value()) candidate = candidate + of.gate(d.recurrent_bias, 2);
  }
  const Value proposed = d.activations[1](of.clipped(candidate));
  d.h = (neg(z) + 1.0) * proposed + z * d.h;
}

/// Gates i, o, f, c: c' = f c + i g(...), h' = o tanh(c').
void lstm_cell(const RecurrentNode& of, const Value& x, Direction& d) {
  const Value all = x + matmul(d.h, d.recurrence, false, true);
  const auto peephole = [&](std::int64_t gate, const Value& c) {
    const Value sum = of.gate(all, gate);
    return d.peepholes.has_value() ? sum + of.gate(d.peepholes, gate) * c : sum;
  };
  const Value i = d.activations[0](of.clipped(peephole(0, d.c)));
  const bool is_coupled = of.node.integer("input_forget", 0) != 0;
  const Value f = is_coupled ? neg(i) + 1.0 : d.activations[0](of.clipped(peephole(2, d.c)));
  d.c = f * d.c + i * d.activations[1](of.clipped(of.gate(all, 3)));
  const Value o = d.activations[0](of.clipped(peephole(1, d.c)));
  d.h = o * d.activations[2](d.c);
}

struct CellKind {
  Cell cell;
  std::int64_t gates;
  std::vector<std::string> activations;
  bool has_memory;            // c beside h
  bool keeps_recurrent_bias;  // for the last gate
};

/// Rows of x [time, batch, ...] in the reverse order, each sequence within its length where there are
/// lengths.
Value reversed(const RecurrentNode& of, const Value& x, const Value& lengths) {
  if (!of.has_lengths) return flip(x, {0});
  const Value time = with_trailing_axes(positions(x, 0), 2);
  const Value ends = expand_dims(expand_dims(lengths, 0), -1);
  const Value from = where(less(time, ends), ends - 1 - time, time);
  return take_along_axis(x, broadcast_to(from, x.shape()), 0);
}

/// Part `i` along the first axis of input `input`, without that axis.
Value of_direction(const RecurrentNode& of, std::size_t input, std::size_t i, std::int64_t axis = 0) {
  const auto at = static_cast<std::int64_t>(i);
  return squeeze(slice(of.node.value(input), axis, at, at + 1), axis);
}

Direction direction_of(const RecurrentNode& of, const CellKind& kind, const Value& x, std::size_t i) {
  const NodeView& node = of.node;
  Direction made;
  made.inputs = matmul(x, of_direction(of, 1, i), false, true);
  made.recurrence = of_direction(of, 2, i);
  if (node.has(3)) {
    const Value biases = of_direction(of, 3, i);
    const std::int64_t size = kind.gates * of.hidden;
    const Value recurrent = slice(biases, 0, size, 2 * size);
    made.inputs = made.inputs + slice(biases, 0, 0, size);
    if (kind.keeps_recurrent_bias) {
      made.recurrent_bias = recurrent;
      const std::int64_t others = size - of.hidden;
      const Value zeros = full(node.graph(), Shape{of.hidden}, 0.0, x.dtype());
      made.inputs = made.inputs + concat({slice(recurrent, 0, 0, others), zeros}, 0);
    } else {
      made.inputs = made.inputs + recurrent;
    }
  }
  const Value zeros = full(node.graph(), Shape{x.shape()[1], of.hidden}, 0.0, x.dtype());
  const std::int64_t axis = of.is_batch_first ? 1 : 0;
  made.h = node.has(5) ? of_direction(of, 5, i, axis) : zeros;
  if (kind.has_memory) made.c = node.has(6) ? of_direction(of, 6, i, axis) : zeros;
  if (kind.has_memory && node.has(7)) made.peepholes = of_direction(of, 7, i);
  return made;
}

/// Walks one direction: all its states [time, batch, hidden], and at the end the last ones in the direction.
Value walked(const RecurrentNode& of, const CellKind& kind, Direction& d, const Value& lengths) {
  std::vector<Value> first{d.h};
  if (kind.has_memory) first.push_back(d.c);
  std::vector<Value> sequences{d.inputs};
  const Value steps = broadcast_to(constant(of.node.graph(), 0, i64), Shape{d.inputs.shape()[0]});
  if (of.has_lengths) sequences.push_back(positions(steps));
  const ScanFunction step = [&](std::span<const Value> states, std::span<const Value> elements) {
    Direction at = d;
    at.h = states[0];
    if (kind.has_memory) at.c = states[1];
    kind.cell(of, elements[0], at);
    std::vector<Value> next{at.h};
    if (kind.has_memory) next.push_back(at.c);
    if (!of.has_lengths) return ScanStep{.states = next, .outputs = {at.h}};
    const Value runs = expand_dims(greater(lengths, elements[1]), -1);
    for (std::size_t i = 0; i < next.size(); ++i) next[i] = where(runs, next[i], states[i]);
    return ScanStep{.states = next, .outputs = {where(runs, at.h, 0.0)}};
  };
  const ScanResult made = scan(step, first, sequences);
  d.h = made.states[0];
  if (kind.has_memory) d.c = made.states[1];
  return made.outputs[0];
}

Items recurrent(const NodeView& node, const CellKind& kind) {
  node.ignore({"output_sequence", "linear_before_reset", "input_forget"});
  RecurrentNode of{.node = node};
  of.is_batch_first = node.integer("layout", 0) != 0;
  of.has_lengths = node.has(4);
  of.clip_at = node.number("clip", 0.0);
  const Value x = of.is_batch_first ? transpose(node.value(0), {1, 0, 2}) : node.value(0);
  if (x.shape().rank() != 3 || node.value(2).shape().rank() != 3)
    throw Error(ErrorCode::shape_mismatch, "its input and its weights have three axes");
  if (x.shape()[0].is(0)) throw Error(ErrorCode::shape_mismatch, "it has no steps");
  of.hidden = node.integer("hidden_size", node.value(2).shape()[2].size());
  const std::string direction = node.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    node.refuse("no direction '" + direction + "' is known here");
  of.directions = direction == "bidirectional" ? 2 : 1;
  std::vector<std::string> names = node.texts("activations");
  while (names.size() < of.directions * kind.activations.size()) {
    names.push_back(kind.activations[names.size() % kind.activations.size()]);
  }
  ActivationNumbers alphas(node.numbers("activation_alpha"));
  ActivationNumbers betas(node.numbers("activation_beta"));
  const Value lengths = of.has_lengths ? cast(node.value(4), i64) : Value();
  std::vector<Value> all;
  std::vector<Value> last;
  std::vector<Value> memories;
  for (std::size_t i = 0; i < of.directions; ++i) {
    const bool is_reverse = direction == "reverse" || i == 1;
    Direction d = direction_of(of, kind, is_reverse ? reversed(of, x, lengths) : x, i);
    for (std::size_t k = 0; k < kind.activations.size(); ++k) {
      d.activations.push_back(
          activation_named(node, names.at(i * kind.activations.size() + k), alphas, betas));
    }
    const Value states = walked(of, kind, d, lengths);
    all.push_back(is_reverse ? reversed(of, states, lengths) : states);
    last.push_back(d.h);
    if (kind.has_memory) memories.push_back(d.c);
  }
  // [time, directions, batch, hidden] and [directions, batch, hidden], or with the batch first.
  const std::int64_t axis = of.is_batch_first ? 1 : 0;
  const Value y = stack(all, 1);
  std::vector<Value> results{of.is_batch_first ? transpose(y, {2, 0, 1, 3}) : y, stack(last, axis)};
  if (kind.has_memory) results.push_back(stack(memories, axis));
  return results;
}

Items rnn_rule(const NodeView& node) { return recurrent(node, {rnn_cell, 1, {"Tanh"}, false, false}); }
Items gru_rule(const NodeView& node) {
  return recurrent(node, {gru_cell, 3, {"Sigmoid", "Tanh"}, false, true});
}
Items lstm_rule(const NodeView& node) {
  return recurrent(node, {lstm_cell, 4, {"Sigmoid", "Tanh", "Tanh"}, true, false});
}

constexpr std::array kRecurrent{
    RuleEntry{"GRU", gru_rule},
    RuleEntry{"LSTM", lstm_rule},
    RuleEntry{"RNN", rnn_rule},
};

}  // namespace

std::span<const RuleEntry> recurrent_rules() { return kRecurrent; }

}  // namespace weft::onnx
