#include "weft/runtime/run/profile_summary.h"

#include <algorithm>

#include "weft/runtime/run/control_run.h"

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

StepProfile describe(const Lowered& lowered, const Schedule& schedule, const BoundKernels& kernels,
                     std::size_t position) {
  const Schedule::Entry& entry = schedule.order[position];
  const Node& node = lowered.program.graph->node(lowered.steps[entry.step]);
  const KernelChoice& kernel = lowered.kernels[entry.step];
  const auto& shards = kernels.shards[position];
  const auto busy = std::ranges::count_if(shards, [](const auto& shard) { return shard != nullptr; });
  const int threads = schedule.threads;
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

/// A step, and the steps of the programs that it holds, which are means over `runs` calls.
StepProfile describe_all(const Lowered& lowered, const Schedule& schedule, const BoundKernels& kernels,
                         std::size_t position, const StepList::Step& step, double runs) {
  StepProfile profile = describe(lowered, schedule, kernels, position);
  if (step.control == nullptr) return profile;
  const auto programs = step.control->programs();
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const Lowered& body = *lowered.bodies[step.index][i];
    const BodyPlan& plan = *schedule.bodies[position][i];
    for (std::size_t at = 0; at < plan.schedule.order.size(); ++at) {
      const StepList::Step& first = programs[i][0].steps()[at];
      StepProfile inside = describe_all(body, plan.schedule, kernels.bodies[position][i], at, first, runs);
      std::int64_t longest = 0;
      for (const StepList& list : programs[i]) longest = std::max(longest, list.steps()[at].nanoseconds);
      inside.times = static_cast<double>(first.runs) / runs;
      inside.seconds = static_cast<double>(longest) * kNanosecond / runs;
      inside.flops *= inside.times;
      inside.bytes *= inside.times;
      profile.inside.push_back(std::move(inside));
    }
  }
  return profile;
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

/// An exchange of a run.
struct ExchangeTimes {
  std::size_t position = 0;  // of the step that starts it
  std::int64_t begin = 0;
  std::int64_t end = 0;
  double exposed = 0.0;  // seconds
};

std::vector<ExchangeTimes> exchanges_of(const Compilation& compilation, const Recorder& recorder,
                                        std::size_t run) {
  const Schedule& schedule = compilation.schedule;
  const auto row = recorder.row(run, 0);
  std::vector<ExchangeTimes> exchanges;
  for (std::size_t position = 0; position < schedule.order.size(); ++position) {
    if (!compilation.lowered.communicates[schedule.order[position].step]) continue;
    const double own = seconds_of(row[position]);
    if (const auto start = finished_by(compilation.lowered, schedule, position)) {
      const auto begun = std::ranges::find(exchanges, *start, &ExchangeTimes::position);
      const std::int64_t seen = recorder.completed(run)[*start];
      begun->end = seen != 0 ? seen : row[position].end;
      begun->exposed += own;
    } else {
      exchanges.push_back(
          {.position = position, .begin = row[position].begin, .end = row[position].end, .exposed = own});
    }
  }
  return exchanges;
}

void sum_exchanges(Profile& profile, const Compilation& compilation, const Recorder& recorder,
                   std::size_t begin) {
  std::vector<double> taken;
  std::vector<double> exposed;
  const std::size_t shown = recorder.runs() - std::min(profile.runs, kRunsOfTimeline);
  for (std::size_t run = begin; run < recorder.runs(); ++run) {
    taken.push_back(0.0);
    exposed.push_back(0.0);
    for (const ExchangeTimes& exchange : exchanges_of(compilation, recorder, run)) {
      taken.back() += seconds_between(exchange.begin, exchange.end);
      exposed.back() += exchange.exposed;
      if (run < shown) continue;
      profile.exchanges.push_back({.run = run,
                                   .thread = 0,
                                   .step = exchange.position,
                                   .waiting = false,
                                   .begin = seconds_between(recorder.call(shown).begin, exchange.begin),
                                   .seconds = seconds_between(exchange.begin, exchange.end)});
    }
  }
  profile.exchange_seconds = median(std::move(taken));
  profile.exposed_seconds = median(std::move(exposed));
}

}  // namespace

Profile summarize(const Compilation& compilation, const BoundKernels& bound, const StepList& list,
                  const Recorder& recorder, std::size_t timed_runs, std::size_t latest) {
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
    profile.steps.push_back(describe_all(compilation.lowered, compilation.schedule, bound, position,
                                         list.steps()[position], static_cast<double>(timed_runs)));
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
  sum_exchanges(profile, compilation, recorder, begin);
  const std::size_t first = recorder.runs() - std::min(profile.runs, kRunsOfTimeline);
  for (std::size_t run = first; run < recorder.runs(); ++run)
    add_run(profile, recorder, run, recorder.call(first).begin);
  return profile;
}

}  // namespace weft
