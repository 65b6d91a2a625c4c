#pragma once
// The training loop: shuffled mini-batches through a compiled step, epoch by epoch. What a step is fed may be
// the numbers of rows that it gathers itself, rows of tensors, or whatever a generator makes. The loop
// allocates nothing for a step but what the step and a generator do.

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/frontends/config/fields.h"
#include "weft/runtime/session.h"

namespace weft {

/// Where training stands: the next batch to run, and the loss of this epoch so far.
struct TrainPosition {
  std::int64_t epoch = 0;    // epochs that are complete
  std::int64_t batch = 0;    // batches of the current epoch that are done
  double loss_sum = 0.0;     // of the current epoch, each batch's mean times its size
  std::int64_t samples = 0;  // of the current epoch that are done; a generator's alone must be given to go on

  bool operator==(const TrainPosition&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"epoch", &TrainPosition::epoch}, Field{"batches_done", &TrainPosition::batch},
                 Field{"loss_sum", &TrainPosition::loss_sum}, Field{"samples_done", &TrainPosition::samples});
};
static_assert(kListsEveryMember<TrainPosition>);

struct FitOptions {
  std::int64_t samples = 0;  // >= 1; of tensors and generators it is known without
  std::int64_t epochs = 1;   // in all, those before `start` included
  std::int64_t batch_size = 64;
  std::uint64_t seed = 1;  // of the shuffling
  bool shuffle = true;     // false: the order of the data
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
  std::int64_t batches = 0;  // 0 where a generator decides
  double loss = 0.0;         // mean so far
};

struct FitObserver {
  std::function<void(const FitProgress&)> progress{};
  std::function<void(const EpochResult&)> epoch{};
};

struct FitResult {
  std::vector<EpochResult> epochs;
  double seconds = 0.0;  // of all steps, without what the observer took
  bool interrupted = false;
  TrainPosition position;  // where to go on
};

/// Runs `step` on every batch: it takes the rows to use, i32 [batch], and its first output is the mean loss
/// of that batch, one number, f32 or f64. The order of an epoch depends on the seed and the epoch alone, and
/// the last, shorter batch is included. Throws Error(numeric) as soon as a loss is not finite, naming epoch
/// and batch; Error(invalid_argument) for no samples, a batch size below 1, and a start that the data do not
/// have. Signals reach the calling thread between steps, at least every 10 ms or after a longer step, and
/// while the observer runs.
FitResult fit(Function& step, const FitOptions& options, const FitObserver& observer = {});

/// The same for a step that takes rows of tensors, of any dtypes: [batch, ...] of each, in the order of its
/// inputs. The tensors have as many rows, else Error(shape_mismatch); `options.samples` is 0 or that number.
FitResult fit(Function& step, std::span<const Tensor> data, const FitOptions& options,
              const FitObserver& observer = {});
FitResult fit(Function& step, std::initializer_list<Tensor> data, const FitOptions& options,
              const FitObserver& observer = {});

/// Sets `feeds`, one for each input of the step, to batch number `batch` of an epoch, both from 0, and
/// returns how many samples it has; 0 ends the epoch. Where it can begin at any batch, training can go on
/// from any position.
using BatchGenerator =
    std::function<std::int64_t(std::int64_t epoch, std::int64_t batch, std::vector<Tensor>& feeds)>;

/// The same for what a generator makes; it decides on size and order, so that `samples`, `batch_size`, `seed`
/// and `shuffle` are not used. Throws Error(invalid_argument) for an epoch without a batch.
FitResult fit(Function& step, const BatchGenerator& generator, const FitOptions& options,
              const FitObserver& observer = {});

}  // namespace weft
