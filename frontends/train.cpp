#include "weft/frontends/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <exception>
#include <map>
#include <optional>

#include "weft/frontends/data/batches.h"
#include "weft/frontends/ranks/agreement.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/graph/text.h"
#include "weft/runtime/machine/signals.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// How often an observer is called within an epoch.
constexpr std::int64_t kReportsPerEpoch = 50;

/// The number of batches if it is not known before the last one.
constexpr std::int64_t kUnknown = -1;

void expect_finite(double loss, std::int64_t epoch, std::int64_t batch, const Where& where) {
  if (std::isfinite(loss)) return;
  throw Error(ErrorCode::numeric,
              fmt::format("the loss became {} in epoch {}, batch {}; a smaller learning rate may help",
                          printable(loss), epoch + 1, batch + 1),
              {.op = "fit", .where = to_string(where)});
}

void expect_within(const TrainPosition& at, std::int64_t batches, const Where& where) {
  if (at.epoch >= 0 && at.batch >= 0 && (batches == kUnknown || at.batch <= batches)) return;
  throw Error(ErrorCode::invalid_argument,
              "training cannot go on there; are the data and the batch size the same?",
              {.op = "fit",
               .expected = fmt::format("at most {} batches done", batches),
               .actual = std::to_string(at.batch),
               .where = to_string(where)});
}

/// The mean loss of a batch.
double loss_of(const Tensor& loss, const Where& where) {
  if (loss.elements() == 1 && loss.dtype() == DType::f32) return static_cast<double>(loss.item<float>());
  if (loss.elements() == 1 && loss.dtype() == DType::f64) return loss.item<double>();
  throw Error(ErrorCode::invalid_argument, "the first output of a step is its loss",
              {.op = "fit",
               .expected = "one number, f32 or f64",
               .actual = to_string(loss.type()),
               .where = to_string(where)});
}

void expect_samples(std::int64_t samples, const Where& where) {
  if (samples >= 1) return;
  throw Error(
      ErrorCode::invalid_argument, "there are no samples to train on",
      {.op = "fit", .expected = "1 or more", .actual = std::to_string(samples), .where = to_string(where)});
}

struct Batch {
  std::span<const Tensor> feeds;
  std::int64_t samples = 0;  // of all ranks; 0: the epoch has ended
};

/// Makes the tensors that the steps of a training are fed.
class Feeds {
 public:
  Feeds() = default;
  Feeds(const Feeds&) = delete;
  Feeds& operator=(const Feeds&) = delete;
  virtual ~Feeds() = default;

  virtual void begin(std::int64_t epoch) = 0;
  /// The number of batches of the current epoch.
  virtual std::int64_t batches() const = 0;
  virtual std::int64_t samples_before(std::int64_t batch) const = 0;
  /// A batch of the current epoch, which is valid until the next call.
  virtual Batch at(std::int64_t batch) = 0;
};

/// Batches of rows in a new order in each epoch.
class ShuffledFeeds : public Feeds {
 public:
  ShuffledFeeds(std::int64_t samples, const FitOptions& options)
      : samples_(samples), options_(options), batches_(Tensor::zeros(DType::i32, {0}), options.batch_size) {}

  void begin(std::int64_t epoch) override { batches_ = data::Batches(order(epoch), options_.batch_size); }
  std::int64_t batches() const override { return batches_.count(); }
  std::int64_t samples_before(std::int64_t batch) const override {
    return std::min(batch * options_.batch_size, samples_);
  }

  Batch at(std::int64_t batch) override {
    const std::int64_t first = samples_before(batch);
    const std::int64_t size = std::min(options_.batch_size, samples_ - first);
    const ranks::Share own = share_of(size);
    const auto rows = batches_.order().values<std::int32_t>().subspan(
        static_cast<std::size_t>(first + own.first), static_cast<std::size_t>(own.count));
    std::vector<Tensor>& feeds = size == options_.batch_size ? whole_ : last_;
    fill(feeds, rows);
    return {.feeds = feeds, .samples = size};
  }

 protected:
  /// Adds a tensor for full batches and, in the same memory, one for the last batch.
  void add_feed(DType dtype, std::vector<std::int64_t> sizes) {
    const std::int64_t whole = share_of(std::min(options_.batch_size, samples_)).count;
    const std::int64_t last = share_of(samples_ % options_.batch_size).count;
    sizes[0] = std::max(whole, last);
    const Tensor room = Tensor::uninitialized(dtype, sizes);
    whole_.push_back(room.rows(0, whole));
    last_.push_back(room.rows(0, last));
  }
  virtual void fill(std::vector<Tensor>& feeds, std::span<const std::int32_t> rows) = 0;

 private:
  /// The rows of a batch that this rank takes.
  ranks::Share share_of(std::int64_t rows) const {
    return ranks::own_rows(rows, options_.communicator, options_.shards);
  }

  Tensor order(std::int64_t epoch) const {
    if (options_.shuffle)
      return data::permutation(samples_, options_.seed, static_cast<std::uint64_t>(epoch));
    return data::in_order(samples_);
  }

  std::int64_t samples_;
  const FitOptions& options_;
  data::Batches batches_;
  std::vector<Tensor> whole_;
  std::vector<Tensor> last_;
};

class RowNumbers final : public ShuffledFeeds {
 public:
  explicit RowNumbers(const FitOptions& options) : ShuffledFeeds(options.samples, options) {
    add_feed(DType::i32, {0});
  }

 private:
  void fill(std::vector<Tensor>& feeds, std::span<const std::int32_t> rows) override {
    std::ranges::copy(rows, feeds[0].mutable_values<std::int32_t>().begin());
  }
};

class RowsOfTensors final : public ShuffledFeeds {
 public:
  RowsOfTensors(std::span<const Tensor> data, std::int64_t samples, const FitOptions& options)
      : ShuffledFeeds(samples, options), data_(data) {
    for (const Tensor& tensor : data)
      add_feed(tensor.dtype(), {tensor.sizes().begin(), tensor.sizes().end()});
  }

 private:
  void fill(std::vector<Tensor>& feeds, std::span<const std::int32_t> rows) override {
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      const std::size_t row_bytes = data_[i].bytes() / static_cast<std::size_t>(data_[i].sizes()[0]);
      const auto* const from = static_cast<const std::byte*>(data_[i].data());
      auto* to = static_cast<std::byte*>(feeds[i].mutable_data());
      for (const std::int32_t row : rows) {
        std::memcpy(to, from + static_cast<std::size_t>(row) * row_bytes, row_bytes);
        to += row_bytes;
      }
    }
  }

  std::span<const Tensor> data_;
};

class Generated final : public Feeds {
 public:
  Generated(const BatchGenerator& generator, const Where& where) : generator_(generator), where_(where) {}

  void begin(std::int64_t epoch) override { epoch_ = epoch; }
  std::int64_t batches() const override { return kUnknown; }
  std::int64_t samples_before(std::int64_t) const override { return 0; }

  Batch at(std::int64_t batch) override {
    const std::int64_t samples = generator_(epoch_, batch, feeds_);
    if (samples > 0) return {.feeds = feeds_, .samples = samples};
    if (samples == 0 && batch > 0) return {};
    throw Error(ErrorCode::invalid_argument, "a generator gave no batch",
                {.op = "fit",
                 .expected = "1 sample or more",
                 .actual = fmt::format("{} in batch {} of epoch {}", samples, batch + 1, epoch_ + 1),
                 .where = to_string(where_)});
  }

 private:
  const BatchGenerator& generator_;
  const Where& where_;
  std::int64_t epoch_ = 0;
  std::vector<Tensor> feeds_;
};

/// Blocks signals while steps run, so that each step need not, and lets pending ones in now and then.
class StepShield {
 public:
  void after_step() {
    const auto now = Clock::now();
    if (now - opened_ < kLongest) return;
    opened_ = now;
    if (shield_) shield_->open();
  }
  /// Runs `work` with signals let in.
  template <typename F>
  void outside(F work) {
    shield_.reset();
    work();
    shield_.emplace();
  }

 private:
  static constexpr std::chrono::milliseconds kLongest{10};
  std::optional<SignalShield> shield_{std::in_place};
  Clock::time_point opened_ = Clock::now();
};

/// Whether training was asked to stop. Ranks agree on it, for which each sends a byte after every step. The
/// answer travels during the next step, so that nobody waits for it, and is known a step later.
class StopRequest {
 public:
  explicit StopRequest(const FitOptions& options) : stop_(options.stop), communicator_(ranks_of(options)) {}
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;
  ~StopRequest() = default;

  /// To be called by all ranks after every step, and where `last` for the last time.
  bool made(bool last = false) {
    if (stop_ == nullptr) return false;
    const bool here = stop_->load(std::memory_order_relaxed);
    if (communicator_ == nullptr) return here;
    agreed_ = agreed_ || take_answer();
    if (!last && !agreed_) ask(here);
    return agreed_;
  }

 private:
  static Communicator* ranks_of(const FitOptions& options) {
    return has_peers(options.communicator) ? options.communicator : nullptr;
  }
  bool take_answer() {
    if (!ticket_) return false;
    const Ticket ticket = *ticket_;
    ticket_.reset();
    communicator_->finish(ticket);
    return answer_ != 0;
  }
  void ask(bool here) {
    answer_ = here ? 1 : 0;
    auto* const byte = reinterpret_cast<std::byte*>(&answer_);
    ticket_ = communicator_->start({.kind = ExchangeKind::all_reduce,
                                    .reduction = RankReduction::max,
                                    .dtype = u8,
                                    .count = 1,
                                    .in = byte,
                                    .out = byte});
  }

  const std::atomic<bool>* stop_;
  Communicator* communicator_;
  std::optional<Ticket> ticket_;
  std::uint8_t answer_ = 0;
  bool agreed_ = false;
};

/// Compares what all ranks must have the same.
void expect_same_training(std::span<const Tensor> data, const FitOptions& options, const Where& where) {
  if (!has_peers(options.communicator)) return;
  ranks::Digest digest;
  for (const std::int64_t number :
       {options.samples, options.epochs, options.batch_size, options.start.epoch, options.start.batch,
        options.shards, std::int64_t{options.shuffle}, std::int64_t{options.stop != nullptr}}) {
    digest.add(static_cast<std::uint64_t>(number));
  }
  ranks::expect_same(options.communicator, "training", digest, where);
  ranks::expect_same(options.communicator, "seed", ranks::Digest().add(options.seed), where);
  ranks::Digest rows;
  for (const Tensor& tensor : data) rows.add(tensor);
  ranks::expect_same(options.communicator, "data", rows, where);
}

/// Does what a rank does beside the others: an exception ends the job, before what it exchanges goes.
template <typename Work>
FitResult among_ranks(const FitOptions& options, const Work& work) {
  StopRequest stop(options);
  try {
    return work(stop);
  } catch (const std::exception& error) {
    if (has_peers(options.communicator)) options.communicator->abort(error.what());
    throw;
  }
}

/// The result of running an epoch from a position until its end or until it was stopped.
struct EpochRun {
  double seconds = 0.0;
  bool ended = false;
};

/// Computes the loss of each batch.
class Losses {
 public:
  Losses() = default;
  Losses(const Losses&) = delete;
  Losses& operator=(const Losses&) = delete;
  virtual ~Losses() = default;

  /// With `sizes_repeat`, batches with equally many samples have the same sizes.
  virtual double of(const Batch& batch, bool sizes_repeat) = 0;
};

/// By a compiled function, where batches of the same sizes share their outputs.
class LossesOfFunction final : public Losses {
 public:
  LossesOfFunction(Function& step, const Where& where) : step_(step), where_(where) {}

  double of(const Batch& batch, bool sizes_repeat) override {
    if (!sizes_repeat) return loss_of(step_(batch.feeds, where_)[0], where_);
    auto made = outputs_.find(batch.samples);
    if (made == outputs_.end())
      made = outputs_.emplace(batch.samples, step_.outputs_for(batch.feeds, where_)).first;
    step_.run_into(batch.feeds, made->second, where_);
    return loss_of(made->second[0], where_);
  }

 private:
  Function& step_;
  const Where& where_;
  std::map<std::int64_t, Outputs> outputs_;
};

class LossesOfStep final : public Losses {
 public:
  explicit LossesOfStep(const TrainStep& step) : step_(step) {}
  double of(const Batch& batch, bool) override { return step_(batch.feeds, batch.samples); }

 private:
  const TrainStep& step_;
};

EpochRun run_epoch(Losses& losses, Feeds& feeds, TrainPosition& at, StopRequest& stop,
                   const FitObserver& observer, StepShield& shield, const Where& where) {
  const std::int64_t batches = feeds.batches();
  const std::int64_t stride = std::max<std::int64_t>(batches / kReportsPerEpoch, 1);
  EpochRun run;
  auto start = Clock::now();
  const auto report = [&] {
    run.seconds += seconds_since(start);
    shield.outside([&] {
      observer.progress({.epoch = at.epoch + 1,
                         .done = at.batch,
                         .batches = std::max<std::int64_t>(batches, 0),
                         .loss = at.loss_sum / static_cast<double>(at.samples)});
    });
    start = Clock::now();
  };
  for (bool stopped = false; !stopped;) {
    const Batch batch = at.batch == batches ? Batch{} : feeds.at(at.batch);
    if (batch.samples == 0) {
      run.ended = true;
      break;
    }
    const double loss = losses.of(batch, batches != kUnknown);
    shield.after_step();
    expect_finite(loss, at.epoch, at.batch, where);
    at.samples += batch.samples;
    at.loss_sum += loss * static_cast<double>(batch.samples);
    ++at.batch;
    if (observer.progress && (at.batch % stride == 0 || at.batch == batches)) report();
    stopped = stop.made() && at.batch != batches;
  }
  run.seconds += seconds_since(start);
  return run;
}

FitResult fit_feeds(Losses& losses, Feeds& feeds, StopRequest& stop, const FitOptions& options,
                    const FitObserver& observer, const Where& where) {
  FitResult result;
  result.position = options.start;
  TrainPosition& at = result.position;
  StepShield shield;
  while (at.epoch < options.epochs && !result.interrupted) {
    feeds.begin(at.epoch);
    expect_within(at, feeds.batches(), where);
    if (feeds.batches() != kUnknown) at.samples = feeds.samples_before(at.batch);
    const EpochRun run = run_epoch(losses, feeds, at, stop, observer, shield, where);
    result.seconds += run.seconds;
    result.interrupted = !run.ended;
    if (result.interrupted) break;
    result.epochs.push_back({.epoch = at.epoch + 1,
                             .loss = at.loss_sum / static_cast<double>(at.samples),
                             .seconds = run.seconds});
    at = {.epoch = at.epoch + 1};
    if (observer.epoch) shield.outside([&] { observer.epoch(result.epochs.back()); });
    result.interrupted = stop.made() && at.epoch < options.epochs;
  }
  stop.made(true);
  return result;
}

/// Trains on rows of tensors.
FitResult fit_rows(Losses& losses, std::span<const Tensor> data, const FitOptions& options,
                   const FitObserver& observer, const Where& where) {
  std::int64_t samples = options.samples;
  for (const Tensor& tensor : data) {
    if (samples == 0 && tensor.rank() > 0) samples = tensor.sizes()[0];
    if (tensor.rank() > 0 && tensor.sizes()[0] == samples) continue;
    throw Error(ErrorCode::shape_mismatch, "the tensors to train on differ in rows",
                {.op = "fit",
                 .expected = fmt::format("{} rows", samples),
                 .actual = to_string(tensor.type()),
                 .where = to_string(where)});
  }
  expect_samples(data.empty() ? 0 : samples, where);
  return among_ranks(options, [&](StopRequest& stop) {
    expect_same_training(data, options, where);
    RowsOfTensors feeds(data, samples, options);
    return fit_feeds(losses, feeds, stop, options, observer, where);
  });
}

}  // namespace

FitResult fit(Function& step, const FitOptions& options, const FitObserver& observer, const Where& where) {
  expect_samples(options.samples, where);
  return among_ranks(options, [&](StopRequest& stop) {
    expect_same_training({}, options, where);
    RowNumbers feeds(options);
    LossesOfFunction losses(step, where);
    return fit_feeds(losses, feeds, stop, options, observer, where);
  });
}

FitResult fit(Function& step, std::span<const Tensor> data, const FitOptions& options,
              const FitObserver& observer, const Where& where) {
  LossesOfFunction losses(step, where);
  return fit_rows(losses, data, options, observer, where);
}

FitResult fit(const TrainStep& step, std::span<const Tensor> data, const FitOptions& options,
              const FitObserver& observer, const Where& where) {
  LossesOfStep losses(step);
  return fit_rows(losses, data, options, observer, where);
}

FitResult fit(Function& step, std::initializer_list<Tensor> data, const FitOptions& options,
              const FitObserver& observer, const Where& where) {
  return fit(step, std::span(data.begin(), data.size()), options, observer, where);
}

FitResult fit(Function& step, const BatchGenerator& generator, const FitOptions& options,
              const FitObserver& observer, const Where& where) {
  return among_ranks(options, [&](StopRequest& stop) {
    expect_same_training({}, options, where);
    Generated feeds(generator, where);
    LossesOfFunction losses(step, where);
    return fit_feeds(losses, feeds, stop, options, observer, where);
  });
}

}  // namespace weft
