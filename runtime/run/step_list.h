#pragma once
// A schedule's steps with the addresses of all that they touch, which threads walk. A step may hold programs,
// as a loop does; each thread walks their steps with addresses of its own, since these change from step to
// step of the loop. Internal to runtime/.

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "weft/runtime/compile/compile.h"
#include "weft/runtime/machine/thread_pool.h"

namespace weft {

class ControlRun;

/// What a thread carries along the list.
struct Walk {
  Range shards;  // that it computes
  int thread = 0;
  Barrier* barrier = nullptr;  // where it meets the others; null: it walks alone
  std::byte* scratch = nullptr;
  std::atomic<bool>* failed = nullptr;  // set by the first that fails; then nothing more is computed
  std::exception_ptr* error = nullptr;  // of this thread
};

class StepList {
 public:
  struct Step {
    std::size_t index = 0;  // into Lowered::steps
    bool barrier_before = false;
    std::span<const std::unique_ptr<Kernel>> shards;  // see BoundKernels
    std::vector<std::byte*> inputs;
    std::vector<std::byte*> outputs;
    std::byte* workspace = nullptr;
    std::unique_ptr<ControlRun> control;  // of a step that holds programs
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
    for (Step& step : steps_) {
      if (step.barrier_before && walk.barrier != nullptr) walk.barrier->wait();
      run_step(step, walk);
    }
  }
  /// The walk's share of a step, which begins behind the barrier.
  void run_step(Step& step, const Walk& walk);

 private:
  void run_shard(const Step& step, Kernel& kernel, const Walk& walk) const;

  const Lowered& lowered_;
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
