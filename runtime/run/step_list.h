#pragma once
// A schedule's steps with the addresses of all that they touch, which threads walk. A step may hold programs,
// as a loop does; each thread walks their steps with addresses of its own, since these change from step to
// step of the loop. Internal to runtime/.

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/machine/thread_pool.h"

namespace weft {

class ControlRun;

/// Called after each step of a program inside of a step, where a session checks itself; throws what it finds.
using StepCheck = std::function<void(const Lowered& lowered, std::size_t step, std::span<const Tensor> inputs,
                                     std::span<const Tensor> outputs)>;

/// What a thread carries along the list.
struct Walk {
  Range shards;  // that it computes
  int thread = 0;
  Barrier* barrier = nullptr;  // where it meets the others; null: it walks alone
  std::byte* scratch = nullptr;
  Communicator* communicator = nullptr;
  /// By the positions of steps, see Recorder::completed(); empty: nobody records.
  std::span<std::int64_t> completed{};
  std::atomic<bool>* failed = nullptr;  // set by the first that fails; then nothing more is computed
  std::exception_ptr* error = nullptr;  // of this thread
  bool timed = false;                   // steps inside of steps note their times
  const StepCheck* check = nullptr;     // of steps inside of steps; only where one thread walks alone
};

class StepList {
 public:
  struct UnderWay {
    std::size_t position = 0;  // of the step that started the exchange
    const std::byte* ticket = nullptr;
  };
  struct Step {
    std::size_t index = 0;  // into Lowered::steps
    bool barrier_before = false;
    std::span<const std::unique_ptr<Kernel>> shards;  // see BoundKernels
    std::vector<std::byte*> inputs;
    std::vector<std::byte*> outputs;
    std::byte* workspace = nullptr;
    std::vector<UnderWay> tests;          // the exchanges to be moved on behind it
    std::optional<std::size_t> finishes;  // the position of the step whose exchange it waits for
    std::unique_ptr<ControlRun> control;  // of a step that holds programs
    // Of all walks that were timed.
    std::int64_t nanoseconds = 0;
    std::int64_t runs = 0;
  };

  /// All arguments must outlive the list.
  StepList(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena,
           const BoundKernels& kernels);
  StepList(StepList&&) noexcept;
  StepList(const StepList&) = delete;
  StepList& operator=(const StepList&) = delete;
  StepList& operator=(StepList&&) = delete;
  ~StepList();

  std::span<Step> steps() { return steps_; }
  std::span<const Step> steps() const { return steps_; }
  /// The memory of a step's values.
  std::vector<Tensor> inputs_of(const Step& step) const;
  std::vector<Tensor> outputs_of(const Step& step) const;

  /// Sets all addresses but those of what is fed and fetched; `fixed` knows those of parameters and keys.
  void bind(std::byte* arena, const std::function<std::byte*(const Storage&)>& fixed);
  void feed(std::size_t input, std::byte* data) {
    if (input >= fed_.size()) return;
    for (std::byte** pointer : fed_[input]) *pointer = data;
  }
  void fetch(std::size_t output, std::byte* data) {
    for (std::byte** pointer : fetched_[output]) *pointer = data;
  }
  /// How many inputs the steps read.
  std::size_t inputs() const { return fed_.size(); }

  void run(const Walk& walk) {
    if (walk.timed || walk.check != nullptr) {
      run_watched(walk);
      return;
    }
    for (Step& step : steps_) {
      if (step.barrier_before && walk.barrier != nullptr) walk.barrier->wait();
      run_step(step, walk);
    }
  }
  /// The walk's share of a step, which begins behind the barrier.
  void run_step(Step& step, const Walk& walk);

 private:
  void run_watched(const Walk& walk);
  void run_checked(Step& step, const Walk& walk);
  void run_shard(const Step& step, Kernel& kernel, const Walk& walk) const;
  void run_shards(const Step& step, const Walk& walk) const;
  static void move_exchanges_on(const Step& step, const Walk& walk);

  const Lowered& lowered_;
  const Schedule& schedule_;
  const ArenaPlan& arena_;
  std::vector<Step> steps_;
  std::vector<std::vector<std::byte**>> fed_;      // for each input: the pointers of the steps that read it
  std::vector<std::vector<std::byte**>> fetched_;  // for each output: those of the steps that touch it
};

/// Notes that a walk failed.
void fail(const Walk& walk, std::exception_ptr error);

/// The memory behind a tensor; kernels take one type of pointer, and only read their inputs.
std::byte* read_only(const Tensor& tensor);

}  // namespace weft
