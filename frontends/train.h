#pragma once
// The training loop: shuffled mini-batches through a compiled step, epoch by epoch.

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "weft/runtime/session.h"

namespace weft {

/// Where training stands: the next batch to run, and the loss of this epoch so far.
struct TrainPosition {
  std::int64_t epoch = 0;  // epochs that are complete
  std::int64_t batch = 0;  // batches of the current epoch that are done
  double loss_sum = 0.0;   // of the current epoch, each batch's mean times its size
};

struct FitOptions {
  std::int64_t samples = 0;
  std::int64_t epochs = 1;  // in all, those before `start` included
  std::int64_t batch_size = 64;
  std::uint64_t seed = 1;  // of the shuffling
  TrainPosition start{};
  const std::atomic<bool>* stop = nullptr;  // set it, and training ends after the running step
};

struct EpochResult {
  std::int64_t epoch = 0;  // counted from 1
  double loss = 0.0;       // mean over the epoch's samples, each under the weights of its own step
  double seconds = 0.0;    // of its steps
};

/// Called now and then within an epoch, and at its end with `done` equal to `batches`.
struct FitProgress {
  std::int64_t epoch = 0;  // counted from 1
  std::int64_t done = 0;
  std::int64_t batches = 0;
  double loss = 0.0;  // mean so far
};

struct FitObserver {
  std::function<void(const FitProgress&)> progress;
  std::function<void(const EpochResult&)> epoch;
};

struct FitResult {
  std::vector<EpochResult> epochs;
  double seconds = 0.0;  // of all steps, without what the observer took
  bool interrupted = false;
  TrainPosition position;  // where to go on
};

/// Runs `step` on every batch: it takes the rows to use, i32 [batch], and its first output is the mean loss
/// of that batch, a scalar f32. The order of an epoch depends on the seed and the epoch alone, and the last,
/// shorter batch is included. Throws Error(numeric) as soon as a loss is not finite, naming epoch and batch;
/// Error(invalid_argument) for a start that the data do not have. Signals reach the calling thread between
/// steps, at least every 10 ms or after a longer step, and while the observer runs.
FitResult fit(Function& step, const FitOptions& options, const FitObserver& observer = {});

}  // namespace weft
