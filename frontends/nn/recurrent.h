#pragma once
// Recurrent layers: a scan (ops/loop.h) over the steps of sequences. The compiler takes what does not depend
// on the state out of the loop, so that the products of inputs and the gradients of weights are one product
// for all steps.

#include <cstdint>
#include <string_view>
#include <vector>

#include "weft/frontends/nn/initializers.h"
#include "weft/graph/graph.h"

namespace weft::nn {

enum class Cell : std::uint8_t {
  rnn,   // h' = act(x W + h U + b) (Elman, Cognitive Science 1990)
  lstm,  // gates i, f, g, o: c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c') (Hochreiter and Schmidhuber 1997)
  gru,   // gates r, z, n: h' = (1 - s(z)) tanh(n) + s(z) h (Cho et al., EMNLP 2014)
};

enum class RecurrentActivation : std::uint8_t { tanh, relu };

struct RecurrentOptions {
  bool bias = true;
  bool reverse = false;     // from the last step to the first
  bool time_major = false;  // sequences are [length, batch, features] in place of [batch, length, features]
  double dropout = 0.0;     // in training, of the features of x: the same ones in all steps
  double recurrent_dropout = 0.0;  // of the units of h, likewise (Gal and Ghahramani, NIPS 2016)
  std::int64_t checkpoint = 0;     // what the gradient keeps: see ScanOptions
  Initializer weight_initializer = glorot_uniform();
  Initializer recurrent_initializer = orthogonal();
  Initializer bias_initializer = zeros();
  RecurrentActivation activation = RecurrentActivation::tanh;  // of an rnn
  double forget_bias = 1.0;  // of an lstm: what is added to the initial bias of f (Gers et al. 2000)
  bool peepholes = false;    // of an lstm: i and f also see c, and o sees c' (Gers and Schmidhuber 2000)
  bool reset_after = true;   // of a gru: n = x W + s(r) (h U + b'), as in cuDNN, or x W + (s(r) h) U + b
};

/// What a recurrent layer may be given beside x.
struct RecurrentStart {
  std::vector<Value> states{};  // [batch, units]: h, of an lstm h and c; zeros if empty
  /// Integers [batch]: steps from there on keep the states, and their outputs are 0. They take as long as
  /// other steps; batches of similar lengths have few of them (data::by_length).
  Value lengths{};
};

struct RecurrentResult {
  Value outputs;              // h of all steps: [batch, length, units]
  std::vector<Value> states;  // the last ones [batch, units]: h, of an lstm h and c
};

struct Recurrent {
  static constexpr std::string_view kind = "Recurrent";
  Cell cell = Cell::rnn;
  Value weight;            // [inputs, gates * units]
  Value recurrent_weight;  // [units, gates * units]
  Value bias;              // [gates * units]; empty without a bias
  Value recurrent_bias;    // [gates * units], of a gru with reset_after; otherwise empty
  Value peepholes;         // [3, units]: of i, f and o; otherwise empty
  RecurrentOptions options;

  /// [batch, length, inputs] -> [batch, length, units]. Batch and length may be symbols. Errors name the
  /// layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const { return run(x).outputs; }
  RecurrentResult run(const Operand& x, const RecurrentStart& start = {}) const;
  /// The same with dropout.
  Value train(const Operand& x) const { return run_in_training(x).outputs; }
  RecurrentResult run_in_training(const Operand& x, const RecurrentStart& start = {}) const;
  /// One step: x [batch, inputs] and the states give the next states, of which the first is the output.
  std::vector<Value> step(const Operand& x, const std::vector<Value>& states) const;
  std::vector<Value> parameters() const;

  std::int64_t units() const;
};

/// Layers whose parameters are "<name>/weight", "<name>/recurrent_weight", "<name>/bias",
/// "<name>/recurrent_bias" and "<name>/peepholes".
Recurrent rnn(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype = f32,
              const RecurrentOptions& options = {}, Where where = Where::current());
Recurrent lstm(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units,
               DType dtype = f32, const RecurrentOptions& options = {}, Where where = Where::current());
Recurrent gru(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype = f32,
              const RecurrentOptions& options = {}, Where where = Where::current());

/// Two layers over the same sequences, one from each end; their outputs side by side: [batch, length, 2
/// units]. The states are those of the first, then those of the second.
struct Bidirectional {
  static constexpr std::string_view kind = "Bidirectional";
  Recurrent forward;
  Recurrent backward;  // with options.reverse

  Value operator()(const Operand& x) const { return run(x).outputs; }
  RecurrentResult run(const Operand& x, const RecurrentStart& start = {}) const;
  Value train(const Operand& x) const { return run_in_training(x).outputs; }
  RecurrentResult run_in_training(const Operand& x, const RecurrentStart& start = {}) const;
  std::vector<Value> parameters() const;
};

/// The layers "<name>/forward" and "<name>/backward".
Bidirectional bidirectional(Graph& graph, std::string_view name, Cell cell, std::int64_t inputs,
                            std::int64_t units, DType dtype = f32, const RecurrentOptions& options = {},
                            Where where = Where::current());

}  // namespace weft::nn
