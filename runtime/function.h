#pragma once
// A compiled function of a session: `Outputs outputs = function({inputs...})`. It makes a plan for each
// binding of the symbolic dimensions when it first meets it and keeps the plans used last, so that a last,
// smaller batch is just another plan. A call looks nothing up by name and copies no input.
//
// A call is a transaction: every read of a parameter sees its value from before the call; updates are visible
// after it; a call that throws changes nothing.
//
// Threads: a function without updates and random numbers may be called from any number of threads at once;
// they share the parameters, and each call has an arena of its own. Any other call changes the session and is
// made alone: where one of two calls at the same time changes something, the second throws Error(busy) at
// once. Copies of a Function are the same function.
//
// Signals: a call blocks signals in its thread while kernels run that need it (runtime/machine/signals.h says
// why and which signals); the session's other threads always do.
//
// Fork: in a child process functions can be called as before, and threads are started anew. What another
// thread of the parent was using when the process was forked is lost to the child, where it throws
// Error(busy).

#include <array>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/graph/where.h"
#include "weft/runtime/outputs.h"
#include "weft/runtime/run/plan.h"

namespace weft {

/// A value of a graph, and another one of the same type that a function computes with in its place.
struct Given {
  Value value;
  Value replacement;
};

/// What happens for an input that neither an output nor an update needs.
enum class UnusedInputs : std::uint8_t { allow, error };

/// What to compile. Inputs are fed in this order; outputs come in this order; updates are `assign`s.
struct FunctionSpec {
  /// `input`s, or any other values, which are then fed and not computed (TensorFlow 1's feeds).
  std::vector<Value> inputs{};
  std::vector<Value> outputs{};
  std::vector<Value> updates{};
  /// Replacements of values, as Theano's givens: `{{x, gather(data, rows)}}` reads x from a resident data
  /// set. They are computed of the graph as it is, with what is fed, so that one may be a function of what it
  /// replaces: `{{x, (x - mean) / deviation}}` for an input x.
  std::vector<Given> givens{};
  UnusedInputs unused = UnusedInputs::allow;
};

class Function {
 public:
  static constexpr std::size_t kAllRecorded = static_cast<std::size_t>(-1);

  /// Runs and returns the outputs in fresh memory. Throws Error(bad_feed) where an input does not fit, with
  /// the input, where it was built, and the line of the call; Error(busy), see above; and whatever a step
  /// throws.
  Outputs operator()(std::span<const Tensor> inputs, const Where& where = Where::current()) const;
  Outputs operator()(std::initializer_list<Tensor> inputs = {}, const Where& where = Where::current()) const {
    return (*this)(span_of(inputs), where);
  }

  /// The same for a function that has N outputs, for `auto [loss, logits] = step.call<2>({x, labels})`.
  /// Throws Error(invalid_argument) where the function has another number of outputs.
  template <std::size_t N>
  std::array<Tensor, N> call(std::span<const Tensor> inputs, const Where& where = Where::current()) const {
    expect_outputs(N, where);
    std::array<Tensor, N> outputs;
    Outputs made = (*this)(inputs, where);
    for (std::size_t i = 0; i < N; ++i) outputs[i] = std::move(made[i]);
    return outputs;
  }
  template <std::size_t N>
  std::array<Tensor, N> call(std::initializer_list<Tensor> inputs = {},
                             const Where& where = Where::current()) const {
    return call<N>(span_of(inputs), where);
  }

  /// Runs and writes the outputs into the caller's tensors. They must have the outputs' types and overlap
  /// neither each other nor an input, or it throws Error(bad_feed). After the first call with given sizes it
  /// allocates nothing. After an error the numbers in `outputs` may be anything.
  void run_into(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                const Where& where = Where::current()) const;
  void run_into(std::initializer_list<Tensor> inputs, std::span<Tensor> outputs,
                const Where& where = Where::current()) const {
    run_into(span_of(inputs), outputs, where);
  }

  /// Tensors for run_into with inputs of these sizes; runs nothing.
  Outputs outputs_for(std::span<const Tensor> inputs, const Where& where = Where::current()) const;
  Outputs outputs_for(std::initializer_list<Tensor> inputs = {},
                      const Where& where = Where::current()) const {
    return outputs_for(span_of(inputs), where);
  }

  /// How many plans are kept: one for each of the latest bindings, at most SessionOptions::plans.
  std::size_t plans() const;
  /// What the plan for these sizes holds; makes the plan if need be, runs nothing.
  MemoryLedger ledger(std::span<const TensorType> inputs, const Where& where = Where::current()) const;
  /// How many times the threads wait for each other in one run for these sizes.
  std::size_t barriers(std::span<const TensorType> inputs, const Where& where = Where::current()) const;
  /// Where the time of the latest calls went that had the sizes of the last call: at most `latest` calls, and
  /// no more than are kept, which is 256 or what fits into 16 MB. Throws Error(invalid_argument) unless the
  /// session was made with `.compile = {.profile = true}` and a call ended. Must not run while another thread
  /// calls the function.
  Profile profile(std::size_t latest = kAllRecorded) const;

 private:
  friend class Session;
  struct Body;
  explicit Function(std::shared_ptr<Body> body) : body_(std::move(body)) {}
  static std::span<const Tensor> span_of(std::initializer_list<Tensor> tensors) {
    return {tensors.begin(), tensors.size()};
  }
  void expect_outputs(std::size_t count, const Where& where) const;
  std::shared_ptr<Body> body_;
};

}  // namespace weft
