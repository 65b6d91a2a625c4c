#pragma once
// Loops as ops: `scan` over sequences and `while_loop`. What a step does is a body (body.h), a function that
// is called once, when the graph is built.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/body.h"

namespace weft {

/// Steps t = 0 .. length - 1, or from the last to the first. Inputs: the first states, sequences [length,
/// ...], and what the body captured. The body's arguments are the states, the elements t of the sequences and
/// the captured values; its results are the next states, and what element t of the stacked outputs is.
/// Outputs: the last states, and the stacked outputs [length, ...].
struct Scan {
  static constexpr std::string_view name = "scan";
  static constexpr Traits traits{.can_fail = true};
  Body body;
  std::int64_t states = 0;
  std::int64_t sequences = 0;
  Dim length = 0;
  bool reverse = false;
  bool recompute = false;   // the gradient keeps the states alone, and computes again what else it needs
  std::int64_t unroll = 1;  // so many steps at a time, where a plan runs it
  static constexpr auto attributes =
      weft::attributes(&Scan::body, &Scan::states, &Scan::sequences, &Scan::length, &Scan::reverse,
                       &Scan::recompute, &Scan::unroll);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  /// A scan in the other direction. It reads what this one computed from sequences that a second copy of this
  /// scan stacks; the compiler makes one of both.
  std::vector<Value> gradient(const GradientArgs& args) const;
  /// One scan over the steps of all examples. States that no example tells apart stay single.
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// Steps while the condition holds, at most `max_steps` where that is not negative. Inputs: the first states
/// and what the bodies captured. The arguments of both bodies are the states, the number of steps before (i64
/// []) and the captured values. Outputs: the last states, the number of steps, i64 [], and for each recorded
/// state what it was before each step: [max_steps, ...], zeros from the last step on.
struct WhileLoop {
  static constexpr std::string_view name = "while_loop";
  static constexpr Traits traits{.can_fail = true};
  Body condition;  // its result is bool []
  Body body;       // its results are the next states
  std::int64_t states = 0;
  std::int64_t max_steps = -1;
  std::vector<std::int64_t> recorded{};  // numbers of states
  static constexpr auto attributes =
      weft::attributes(&WhileLoop::condition, &WhileLoop::body, &WhileLoop::states, &WhileLoop::max_steps,
                       &WhileLoop::recorded);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  /// A loop of as many steps from the last to the first. It reads the states from a second copy of this loop,
  /// which records them; the compiler makes one of both.
  std::vector<Value> gradient(const GradientArgs& args) const;
  /// One loop that steps while an example's condition holds; the states of the others stay. No form where
  /// conditions differ and a step may fail, since it would be taken once more than its condition allows.
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// What one step returns: the next states, of the types of the states, and elements of stacked outputs.
struct ScanStep {
  std::vector<Value> states;
  std::vector<Value> outputs{};
};
using ScanFunction = std::function<ScanStep(std::span<const Value> states, std::span<const Value> elements)>;

struct ScanOptions {
  bool reverse = false;  // from the last element to the first
  /// How many steps; needed where there are no sequences.
  std::optional<Dim> length{};
  /// What the gradient keeps of each step. 0: all that it needs; 1: the states alone, and the rest is
  /// computed again; k > 1: the states of every k-th step, from which k steps at a time are computed again,
  /// so that memory is least near k = sqrt(length). A k > 1 needs a length that is a number.
  std::int64_t checkpoint = 0;
  /// How many steps a plan takes at a time, as one program: small steps become faster, and compiling slower.
  /// The numbers stay the same.
  std::int64_t unroll = 1;
};

/// The last states, and for each output its elements of all steps, stacked: [length, ...].
struct ScanResult {
  std::vector<Value> states;
  std::vector<Value> outputs;
};

/// Calls `step` once, to build a body that runs for each element along the first axis of the sequences, which
/// all have the same length. The body may use any value of the graph; it may not update parameters. With
/// length 0, the states are the first ones. Gradients of any order flow through it. Random numbers are drawn
/// anew in each step. Errors: invalid_argument for a state that changes its type, which names the state;
/// shape_mismatch for sequences of different lengths.
ScanResult scan(const ScanFunction& step, std::span<const Value> states, std::span<const Value> sequences,
                const ScanOptions& options = {}, Where where = Where::current());

/// f of each element along the first axis of the sequences, stacked: a scan without states.
std::vector<Value> map(const BodyFunction& f, std::span<const Value> sequences,
                       Where where = Where::current());

struct WhileOptions {
  /// The loop ends after so many steps even where its condition holds; without it there is no gradient.
  std::optional<std::int64_t> max_steps{};
};

struct WhileResult {
  std::vector<Value> states;
  Value steps;  // i64 []
};

/// Replaces the states by `step` of them while `condition`, a bool [], is true of them. States keep their
/// types. With `max_steps`, gradients flow through it, which takes the memory of so many steps. Errors:
/// invalid_argument for a state that changes its type, shape_mismatch for a condition that is not bool [].
WhileResult while_loop(const std::function<Value(std::span<const Value>)>& condition,
                       const BodyFunction& step, std::span<const Value> states,
                       const WhileOptions& options = {}, Where where = Where::current());

// Compiled once, in loop.cpp.
extern template detail::Model detail::model_of(Scan);
extern template detail::Model detail::model_of(WhileLoop);

}  // namespace weft
