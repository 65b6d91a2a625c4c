#pragma once
// A compiled function of a session: `outputs = function({inputs...})`. It makes a plan for each binding of
// the symbolic dimensions when it first meets it and keeps it, so that a last, smaller batch is just another
// plan. A call looks nothing up by name, allocates nothing after the first of its kind, and copies no input.
//
// A call is a transaction: every read of a parameter sees its value from before the call; updates are visible
// after it; a call that throws changes nothing. Functions of one session are used by one thread at a time.

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/run/plan.h"

namespace weft {

/// What to compile. Inputs are fed in this order; outputs come in this order; updates are `assign`s.
struct FunctionSpec {
  std::vector<Value> inputs;
  std::vector<Value> outputs;
  std::vector<Value> updates;
};

class Function {
 public:
  static constexpr std::size_t kAllRecorded = static_cast<std::size_t>(-1);

  /// Runs and returns the outputs. They stay as they are until the next call; a copy of a Tensor keeps its
  /// numbers beyond that. Throws Error(bad_feed) where an input does not fit, naming input, expected and
  /// actual; otherwise what a step threw.
  std::span<const Tensor> operator()(std::span<const Tensor> inputs);
  std::span<const Tensor> operator()(std::initializer_list<Tensor> inputs = {}) {
    return (*this)(std::span<const Tensor>(inputs.begin(), inputs.size()));
  }

  /// How many plans there are by now: one for each binding met.
  std::size_t plans() const;
  /// What the plan for these sizes holds; makes the plan if need be, runs nothing.
  MemoryLedger ledger(std::span<const TensorType> inputs);
  /// How many times the threads wait for each other in one run for these sizes.
  std::size_t barriers(std::span<const TensorType> inputs);
  /// Where the time of the latest calls went, of those with the sizes of the last one: at most `latest`
  /// calls, and no more than are kept, 256 or what fits into 16 MB. Throws Error(invalid_argument) unless the
  /// session was made with `.compile = {.profile = true}` and a call ended.
  Profile profile(std::size_t latest = kAllRecorded) const;

 private:
  friend class Session;
  struct Body;
  explicit Function(std::shared_ptr<Body> body) : body_(std::move(body)) {}
  std::shared_ptr<Body> body_;
};

}  // namespace weft
