#include "weft/frontends/mnist/study/study.h"

#include <chrono>

#include "weft/frontends/mnist/study/fingerprint.h"

namespace weft::mnist {
namespace {

/// Estimates the remaining time from how long the finished share of the cost of all runs took.
class Clock {
 public:
  void add(double cost, double seconds) {
    cost_ += cost;
    seconds_ += seconds;
  }
  double seconds_for(double cost) const { return cost_ > 0.0 ? seconds_ * cost / cost_ : -1.0; }

 private:
  double cost_ = 0.0;
  double seconds_ = 0.0;
};

std::set<RunKey> keys_of(const std::vector<Record>& records) {
  std::set<RunKey> keys;
  for (const Record& record : records) keys.insert(record.key);
  return keys;
}

Measured measure(const PlannedRun& run, const StudyContext& context,
                 const std::function<void(std::int64_t)>& report) {
  if (run.key.kind == "peer") return context.elsewhere(run);
  return Trainer(run.dialect, *run.configuration, context.data,
                 {.epochs = context.settings.epochs,
                  .seed = run.key.seed,
                  .threads = context.settings.threads,
                  .stop = context.stop,
                  .epoch_done = report})
      .train();
}

bool stop_requested(const StudyContext& context) {
  return context.stop != nullptr && context.stop->load(std::memory_order_relaxed);
}

}  // namespace

std::vector<PlannedRun> plan_runs(const std::vector<Dialect>& dialects,
                                  const std::vector<const Configuration*>& configurations,
                                  const StudySettings& settings) {
  std::vector<PlannedRun> runs;
  for (std::int64_t repeat = 0; repeat < settings.repeats; ++repeat) {
    for (const Dialect& dialect : dialects) {
      const std::string recipe = Fingerprint().add(recipe_of(dialect)).text();
      for (const Configuration* configuration : configurations) {
        runs.push_back({.key = {.kind = "dialect",
                                .series = dialect.name,
                                .variant = "",
                                .configuration = configuration->name,
                                .seed = settings.seed + static_cast<std::uint64_t>(repeat),
                                .recipe = recipe},
                        .dialect = dialect,
                        .configuration = configuration});
      }
    }
  }
  return runs;
}

double expected_cost(const PlannedRun& run, const StudyData& data, std::int64_t epochs) {
  // A product of a weight with a row costs six operations in all; a step reads and writes each weight several
  // times, and every step has a fixed cost.
  constexpr double kOperationsEachRow = 6.0;
  constexpr double kOperationsEachStep = 60.0;
  constexpr double kOperationsOfAStep = 2e6;
  double weights = 0.0;
  std::int64_t inputs = data.train.images.sizes()[1];
  for (const std::int64_t width : run.configuration->layers) {
    weights += static_cast<double>(inputs * width);
    inputs = width;
  }
  const double rows = static_cast<double>(epochs * data.train.images.sizes()[0]);
  const double steps = rows / static_cast<double>(run.dialect.batch);
  return kOperationsEachRow * weights * rows + steps * (kOperationsEachStep * weights + kOperationsOfAStep);
}

bool do_runs(const std::vector<PlannedRun>& runs, const StudyContext& context, std::vector<Record>& records) {
  const std::set<RunKey> known = keys_of(records);
  const std::int64_t epochs = context.settings.epochs;
  double cost_left = 0.0;
  StudyProgress progress{.runs = runs.size(), .epochs = epochs};
  for (const PlannedRun& run : runs) {
    if (known.contains(run.key)) {
      ++progress.done;
    } else {
      cost_left += expected_cost(run, context.data, epochs);
    }
  }
  Clock clock;
  for (const PlannedRun& run : runs) {
    if (known.contains(run.key)) continue;
    if (stop_requested(context)) return false;
    progress.run = &run;
    progress.record = nullptr;
    const auto report = [&](std::int64_t epoch) {
      progress.epoch = epoch;
      progress.seconds_left = clock.seconds_for(cost_left);
      if (context.progress) context.progress(progress);
    };
    report(0);
    const auto start = std::chrono::steady_clock::now();
    Record record{.key = run.key, .epochs = epochs, .measured = measure(run, context, report)};
    if (record.measured.interrupted) return false;
    const double cost = expected_cost(run, context.data, epochs);
    clock.add(cost, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    cost_left -= cost;
    records.push_back(std::move(record));
    write_records(context.records_file, records);
    ++progress.done;
    progress.record = &records.back();
    report(epochs);
  }
  return true;
}

}  // namespace weft::mnist
