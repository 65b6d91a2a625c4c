#pragma once
// A plan is what a session runs: a flat list of kernels, one for each shard of a step, bound to the session's
// parameters and to the arena that it runs in. Making a plan allocates all that it needs except the arena's
// memory; running it allocates nothing. Several plans may share one compilation. Internal to runtime/; one
// thread at a time may use a plan, and always with the same arena.

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/run/kept_tensors.h"
#include "weft/runtime/run/profile.h"
#include "weft/runtime/run/recorder.h"
#include "weft/runtime/run/session_state.h"
#include "weft/runtime/run/step_list.h"

namespace weft {

/// What a plan holds in memory, in bytes.
struct MemoryLedger {
  std::size_t arena = 0;       // values between steps
  std::size_t peak_live = 0;   // the least that any plan of this schedule needs
  std::size_t scratch = 0;     // the threads' scratch memory
  std::size_t outputs = 0;     // tensors that the caller gets
  std::size_t constants = 0;   // in the graph; a resident data set counts here
  std::size_t parameters = 0;  // in the session, read for the outputs
  std::size_t slots = 0;       // in the session, read for updates only: an optimizer's state
  std::size_t kept = 0;        // made from parameters alone, and kept from call to call
};

/// The ledger is known before anything runs.
MemoryLedger ledger_of(const Compilation& compilation);

class Plan {
 public:
  /// `kernels` are those that the compilation holds, or others bound for it. Random numbers come from `key`,
  /// i64 [2].
  /// Plans whose compilations have equal prologues may share `kept`; null: the plan has its own.
  Plan(std::shared_ptr<const Compilation> compilation, BoundKernels kernels,
       std::shared_ptr<SessionState> state, Tensor key, std::shared_ptr<KeptTensors> kept = nullptr);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() = default;

  /// Runs once and fills `outputs`. `feeds` and `outputs` are in the function's order and of the types that
  /// the plan was made for; no output overlaps another tensor. If a step throws, nothing is updated and the
  /// error of the first failing step is thrown.
  void run(Arena& arena, std::span<const Tensor> feeds, std::span<Tensor> outputs);

  /// The times of the latest runs, at most `latest` of them. Throws Error(invalid_argument) unless the
  /// session records and a run has ended.
  Profile profile(std::size_t latest) const;

  bool is_random() const noexcept { return is_random_; }
  const Compilation& compilation() const noexcept { return *compilation_; }

 private:
  void bind_pointers(Arena& arena);
  std::span<const Tensor> kept_values(Arena& arena);
  std::byte* fixed_address(const Storage& place) const;
  Walk walk_of(int thread);
  Walk walk_alone();
  void run_threads();
  [[noreturn]] void rethrow(const std::exception_ptr& error);
  void run_thread(int thread);
  void run_thread_recorded(int thread);
  void run_alone();
  void run_checked(std::span<const Tensor> feeds, std::span<const Tensor> outputs);
  void run_checked_steps(ValueWatch& watch, std::span<const Tensor> outputs);
  void check_step(const Lowered& lowered, std::size_t step, std::span<const Tensor> inputs,
                  std::span<const Tensor> outputs) const;

  std::shared_ptr<const Compilation> compilation_;
  BoundKernels kernels_;
  std::shared_ptr<SessionState> state_;
  Tensor key_;
  StepList steps_;
  std::uint64_t bound_to_ = 0;       // the version of the arena that the pointers point into; 0: none
  std::vector<std::byte*> scratch_;  // one for each thread
  std::function<void(int)> region_;
  std::unique_ptr<Plan> prologue_;      // makes the kept values; null where there are none
  std::shared_ptr<KeptTensors> kept_;   // fed after what the caller feeds
  std::unique_ptr<Recorder> recorder_;  // with CompileOptions::profile only
  std::size_t timed_runs_ = 0;          // since the plan was made, failed ones included
  bool is_random_ = false;
  bool communicates_ = false;

  Barrier barrier_;
  std::atomic<bool> failed_{false};
  std::vector<std::exception_ptr> errors_;  // for each thread
};

}  // namespace weft
