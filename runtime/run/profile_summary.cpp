#include "weft/runtime/run/profile_summary.h"

#include <algorithm>

namespace weft {
namespace {

constexpr double kNanosecond = 1e-9;
constexpr std::size_t kRunsOfTimeline = 10;

double seconds_between(std::int64_t begin, std::int64_t end) {
  return static_cast<double>(end - begin) * kNanosecond;
}
double seconds_of(const Recorder::Interval& interval) {
  return seconds_between(interval.begin, interval.end);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

StepProfile describe(const Compilation& compilation, const BoundKernels& kernels, std::size_t position) {
  const Lowered& lowered = compilation.lowered;
  const Schedule::Entry& entry = compilation.schedule.order[position];
  const Node& node = lowered.program.graph->node(lowered.steps[entry.step]);
  const KernelChoice& kernel = lowered.kernels[entry.step];
  const auto& shards = kernels.shards[position];
  const auto busy = std::ranges::count_if(shards, [](const auto& shard) { return shard != nullptr; });
  const int threads = compilation.schedule.threads;
  const bool by_all = !kernels.bodies[position].empty();
  return {.op = std::string(node.op.name()),
          .name = node.name,
          .result = to_string(node.outputs[0]),
          .kernel = std::string(kernel.name),
          .where = to_string(node.where),
          .threads = by_all ? threads : static_cast<int>(std::min<std::ptrdiff_t>(busy, threads)),
          .barrier_before = entry.barrier_before,
          .seconds = 0.0,
          .flops = kernel.work.flops,
          .bytes = kernel.work.bytes};
}

/// The time of the thread that took longest for a step.
double longest(const Recorder& recorder, std::size_t run, std::size_t step) {
  double most = 0.0;
  for (int thread = 0; thread < recorder.threads(); ++thread)
    most = std::max(most, seconds_of(recorder.row(run, thread)[step]));
  return most;
}

/// Between two barriers all threads wait for the busiest one. This is the sum of its kernels' times over a
/// run.
double kernel_seconds(const Recorder& recorder, std::size_t run, const std::vector<StepProfile>& steps) {
  double sum = 0.0;
  std::vector<double> busy(static_cast<std::size_t>(recorder.threads()), 0.0);
  const auto close_phase = [&] {
    sum += std::ranges::max(busy);
    std::ranges::fill(busy, 0.0);
  };
  for (std::size_t step = 0; step < steps.size(); ++step) {
    if (steps[step].barrier_before) close_phase();
    for (int thread = 0; thread < recorder.threads(); ++thread)
      busy[static_cast<std::size_t>(thread)] += seconds_of(recorder.row(run, thread)[step]);
  }
  close_phase();
  return sum;
}

void add_run(Profile& profile, const Recorder& recorder, std::size_t run, std::int64_t origin) {
  const Recorder::Interval call = recorder.call(run);
  profile.calls.push_back({.run = run,
                           .thread = 0,
                           .step = 0,
                           .waiting = false,
                           .begin = seconds_between(origin, call.begin),
                           .seconds = seconds_of(call)});
  for (int thread = 0; thread < recorder.threads(); ++thread) {
    const auto row = recorder.row(run, thread);
    for (std::size_t step = 0; step < row.size(); ++step) {
      const auto add = [&](std::int64_t begin, std::int64_t end, bool waiting) {
        if (begin == end) return;
        profile.timeline.push_back({.run = run,
                                    .thread = thread,
                                    .step = step,
                                    .waiting = waiting,
                                    .begin = seconds_between(origin, begin),
                                    .seconds = seconds_between(begin, end)});
      };
      if (step > 0 && profile.steps[step].barrier_before) add(row[step - 1].end, row[step].begin, true);
      add(row[step].begin, row[step].end, false);
    }
  }
}

}  // namespace

Profile summarize(const Compilation& compilation, const BoundKernels& bound, const Recorder& recorder,
                  std::size_t latest) {
  Profile profile;
  profile.threads = recorder.threads();
  profile.runs = std::min(recorder.runs(), latest);
  const std::size_t begin = recorder.runs() - profile.runs;
  if (profile.runs == 0)
    throw Error(ErrorCode::invalid_argument, "a profile needs at least one call of the function");
  std::vector<double> calls;
  std::vector<double> kernels;
  std::vector<double> overheads;
  for (std::size_t position = 0; position < compilation.schedule.order.size(); ++position)
    profile.steps.push_back(describe(compilation, bound, position));
  for (std::size_t run = begin; run < recorder.runs(); ++run) {
    calls.push_back(seconds_of(recorder.call(run)));
    kernels.push_back(kernel_seconds(recorder, run, profile.steps));
    overheads.push_back(calls.back() - kernels.back());
  }
  profile.call_seconds = median(calls);
  profile.kernel_seconds = median(kernels);
  profile.overhead_seconds = median(overheads);
  for (std::size_t step = 0; step < profile.steps.size(); ++step) {
    std::vector<double> seconds;
    for (std::size_t run = begin; run < recorder.runs(); ++run)
      seconds.push_back(longest(recorder, run, step));
    profile.steps[step].seconds = median(std::move(seconds));
  }
  const std::size_t first = recorder.runs() - std::min(profile.runs, kRunsOfTimeline);
  for (std::size_t run = first; run < recorder.runs(); ++run)
    add_run(profile, recorder, run, recorder.call(first).begin);
  return profile;
}

}  // namespace weft
