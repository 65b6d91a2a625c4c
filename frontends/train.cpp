#include "weft/frontends/train.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "weft/frontends/data/batches.h"
#include "weft/runtime/machine/signals.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// How often an observer hears of progress within an epoch.
constexpr std::int64_t kReportsPerEpoch = 50;

void expect_finite(double loss, std::int64_t epoch, std::int64_t batch) {
  if (std::isfinite(loss)) return;
  throw Error(ErrorCode::numeric,
              fmt::format("the loss became {} in epoch {}, batch {}; a smaller learning rate may help", loss,
                          epoch + 1, batch + 1));
}

void expect_within(const TrainPosition& at, std::int64_t batches) {
  if (at.epoch >= 0 && at.batch >= 0 && at.batch <= batches) return;
  throw Error(
      ErrorCode::invalid_argument, "training cannot go on there; are the data and the batch size the same?",
      {.expected = fmt::format("at most {} batches done", batches), .actual = std::to_string(at.batch)});
}

/// Keeps signals out while steps run, so that each step need not, and lets pending ones in now and then.
class StepShield {
 public:
  void after_step() {
    const auto now = Clock::now();
    if (now - opened_ < kLongest) return;
    opened_ = now;
    shield_->open();
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

bool stop_requested(const FitOptions& options) {
  return options.stop != nullptr && options.stop->load(std::memory_order_relaxed);
}

}  // namespace

FitResult fit(Function& step, const FitOptions& options, const FitObserver& observer) {
  FitResult result;
  result.position = options.start;
  TrainPosition& at = result.position;
  std::map<std::int64_t, Outputs> outputs;  // for each batch size
  StepShield shield;
  while (at.epoch < options.epochs && !result.interrupted) {
    const data::Batches batches(
        data::permutation(options.samples, options.seed, static_cast<std::uint64_t>(at.epoch)),
        options.batch_size);
    expect_within(at, batches.count());
    const std::int64_t stride = std::max<std::int64_t>(batches.count() / kReportsPerEpoch, 1);
    double epoch_seconds = 0.0;
    std::int64_t samples = at.batch * options.batch_size;
    auto start = Clock::now();
    while (at.batch < batches.count() && !result.interrupted) {
      const Tensor rows = batches.at(at.batch);
      auto made = outputs.find(rows.elements());
      if (made == outputs.end()) made = outputs.emplace(rows.elements(), step.outputs_for({rows})).first;
      step.run_into({rows}, made->second);
      shield.after_step();
      const double loss = static_cast<double>(made->second[0].item<float>());
      expect_finite(loss, at.epoch, at.batch);
      samples += rows.elements();
      at.loss_sum += loss * static_cast<double>(rows.elements());
      ++at.batch;
      if (observer.progress && (at.batch % stride == 0 || at.batch == batches.count())) {
        epoch_seconds += seconds_since(start);
        shield.outside([&] {
          observer.progress({.epoch = at.epoch + 1,
                             .done = at.batch,
                             .batches = batches.count(),
                             .loss = at.loss_sum / static_cast<double>(samples)});
        });
        start = Clock::now();
      }
      result.interrupted = stop_requested(options) && at.batch < batches.count();
    }
    epoch_seconds += seconds_since(start);
    result.seconds += epoch_seconds;
    if (result.interrupted) break;
    const double mean = options.samples == 0 ? 0.0 : at.loss_sum / static_cast<double>(options.samples);
    result.epochs.push_back({.epoch = at.epoch + 1, .loss = mean, .seconds = epoch_seconds});
    at = {.epoch = at.epoch + 1, .batch = 0, .loss_sum = 0.0};
    if (observer.epoch) shield.outside([&] { observer.epoch(result.epochs.back()); });
    result.interrupted = stop_requested(options) && at.epoch < options.epochs;
  }
  return result;
}

}  // namespace weft
