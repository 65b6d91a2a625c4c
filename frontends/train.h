#pragma once
// The training loop: shuffled mini-batches through a compiled step, epoch by epoch. A step can be fed the
// numbers of rows that it gathers itself, rows of tensors, or what a generator makes. The loop itself
// allocates nothing for a step.

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/frontends/config/fields.h"
#include "weft/runtime/ranks/communicator.h"
#include "weft/runtime/session.h"

namespace weft {

/// The position of a training: the next batch to run, and the loss of this epoch so far.
struct TrainPosition {
  std::int64_t epoch = 0;    // epochs that are complete
  std::int64_t batch = 0;    // batches of the current epoch that are done
  double loss_sum = 0.0;     // of the current epoch, each batch's mean times its size
  std::int64_t samples = 0;  // of the current epoch that are done; needed only to continue with a generator

  bool operator==(const TrainPosition&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"epoch", &TrainPosition::epoch}, Field{"batches_done", &TrainPosition::batch},
                 Field{"loss_sum", &TrainPosition::loss_sum}, Field{"samples_done", &TrainPosition::samples});
};
static_assert(kListsEveryMember<TrainPosition>);

struct FitOptions {
  std::int64_t samples = 0;  // >= 1; not needed for tensors and generators
  std::int64_t epochs = 1;   // in all, including those before `start`
  std::int64_t batch_size = 64;
  std::uint64_t seed = 1;  // of the shuffling
  bool shuffle = true;     // false: in the order of the data
  TrainPosition start{};
  const std::atomic<bool>* stop = nullptr;  // if it is set, training ends after the current step
  /// The ranks of a job that train together, each of which calls `fit` with the same options and data; null:
  /// there is one. Batch sizes, positions and progress count the rows of all ranks: a rank takes its share of
  /// each batch (ranks/shares.h), and no row where there are too few. The step's loss must be the mean over
  /// the rows of all ranks, as that of ranks::differentiate is. A generator gives a rank's own rows, and
  /// returns how many samples the batch has on all ranks. Options and tensors are compared over the ranks at
  /// the start; a difference is an Error(invalid_argument), which names the rank. If one rank is asked to
  /// stop, all do, at most a step later. An exception on one rank ends the job (Communicator::abort).
  Communicator* communicator = nullptr;
  /// With `communicator`: cuts each batch into so many shards, of which ranks take whole ones; 0: by rows.
  std::int64_t shards = 0;
};

struct EpochResult {
  std::int64_t epoch = 0;  // counted from 1
  double loss = 0.0;       // mean over the epoch's samples, each with the weights of its own step
  double seconds = 0.0;    // of its steps
};

/// Called now and then within an epoch, and at its end with `done` equal to `batches`.
struct FitProgress {
  std::int64_t epoch = 0;  // counted from 1
  std::int64_t done = 0;
  std::int64_t batches = 0;  // 0 if a generator decides
  double loss = 0.0;         // mean so far
};

struct FitObserver {
  std::function<void(const FitProgress&)> progress{};
  std::function<void(const EpochResult&)> epoch{};
};

struct FitResult {
  std::vector<EpochResult> epochs;
  double seconds = 0.0;  // of all steps, without the observer's time
  bool interrupted = false;
  TrainPosition position;  // where to continue
};

/// Runs `step` on every batch. The step takes the numbers of the batch's rows, i32 [batch], and its first
/// output is the mean loss of that batch, one number, f32 or f64. The order of an epoch depends only on the
/// seed and the epoch, and the last, shorter batch is included. Throws Error(numeric), which names epoch and
/// batch, as soon as a loss is not finite; Error(invalid_argument) for no samples, a batch size below 1, and
/// a start beyond the data. Signals reach the calling thread between steps, at least every 10 ms or after a
/// longer step, and while the observer runs. Errors name the line of the call.
FitResult fit(Function& step, const FitOptions& options, const FitObserver& observer = {},
              const Where& where = Where::current());

/// The same for a step that takes rows of tensors, of any dtypes: [batch, ...] of each, in the order of its
/// inputs. The tensors must have equally many rows, or it throws Error(shape_mismatch); `options.samples`
/// must be 0 or that number.
FitResult fit(Function& step, std::span<const Tensor> data, const FitOptions& options,
              const FitObserver& observer = {}, const Where& where = Where::current());
FitResult fit(Function& step, std::initializer_list<Tensor> data, const FitOptions& options,
              const FitObserver& observer = {}, const Where& where = Where::current());

/// A step that is no single function, such as ranks::FixedShards: it is given this rank's rows of a batch,
/// and how many the batch has on all ranks, and returns the mean loss of all of them.
using TrainStep = std::function<double(std::span<const Tensor> feeds, std::int64_t rows)>;

/// The same for such a step, which takes rows of tensors:
///   ranks::FixedShards shards(session, {...});
///   fit([&](auto feeds, auto rows) { return shards(feeds, rows); }, data,
///       {.batch_size = 64, .communicator = session.communicator().get(), .shards = 8});
FitResult fit(const TrainStep& step, std::span<const Tensor> data, const FitOptions& options,
              const FitObserver& observer = {}, const Where& where = Where::current());

/// Sets `feeds`, one for each input of the step, to batch number `batch` of an epoch, both from 0, and
/// returns how many samples it has; 0 ends the epoch. If it can begin at any batch, training can continue
/// from any position.
using BatchGenerator =
    std::function<std::int64_t(std::int64_t epoch, std::int64_t batch, std::vector<Tensor>& feeds)>;

/// The same for the batches of a generator, which decides on size and order, so `samples`, `batch_size`,
/// `seed` and `shuffle` are not used. Throws Error(invalid_argument) for an epoch without a batch.
FitResult fit(Function& step, const BatchGenerator& generator, const FitOptions& options,
              const FitObserver& observer = {}, const Where& where = Where::current());

}  // namespace weft
