#include "weft/runtime/run/profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "weft/graph/text.h"
#include "weft/runtime/files/json_text.h"
#include "weft/runtime/machine/machine_peak.h"

namespace weft {
namespace {

constexpr double kMicro = 1e6;
constexpr double kPerGiga = 1e-9;
constexpr double kPerKilo = 1e-3;
constexpr double kPercent = 100.0;

constexpr std::string_view kReference = "reference";  // the kernel's name in kernel_list.cpp

double ratio(double a, double b) { return b > 0.0 ? a / b : 0.0; }

/// Steps inside of others are indented, behind how often they run.
std::string title_of(const StepProfile& step, std::size_t depth) {
  constexpr std::size_t kLongest = 40;
  const std::string title =
      shortened(step.name.empty() ? step.op : fmt::format("{} {}", step.op, step.name), kLongest);
  return depth == 0 ? title : fmt::format("{:{}}{:.4g} x {}", "", 2 * depth, step.times, title);
}

/// Calls `visit(step, depth)` for all steps, each before those inside of it.
template <typename Visit>
void for_each_step(const std::vector<StepProfile>& steps, const Visit& visit, std::size_t depth = 0) {
  for (const StepProfile& step : steps) {
    visit(step, depth);
    for_each_step(step.inside, visit, depth + 1);
  }
}

/// The time of a step without those inside of it.
double own_seconds(const StepProfile& step) {
  double seconds = step.seconds;
  for (const StepProfile& inside : step.inside) seconds -= inside.seconds;
  return std::max(seconds, 0.0);
}

/// The widths of the first two columns, as large as their texts.
struct Widths {
  std::size_t title = 4;
  std::size_t result = 6;
};
Widths widths_of(const Profile& profile) {
  Widths widths;
  for_each_step(profile.steps, [&](const StepProfile& step, std::size_t depth) {
    widths.title = std::max(widths.title, characters_in(title_of(step, depth)));
    widths.result = std::max(widths.result, characters_in(printable(step.result)));
  });
  return widths;
}

std::string step_line(const Profile& profile, const StepProfile& step, std::size_t depth,
                      const MachinePeak& peak, const Widths& widths) {
  return fmt::format("{:<{}}  {:<{}}  {:<22} {:>3} {:>10.2f} {:>6.1f} {:>8.1f} {:>10.1f} {:>7.1f} {:>6.0f}\n",
                     title_of(step, depth), widths.title, printable(step.result), widths.result,
                     printable(step.kernel), step.threads, step.seconds * kMicro,
                     kPercent * ratio(step.seconds, profile.call_seconds),
                     ratio(step.flops, step.seconds) * kPerGiga, step.bytes * kPerKilo,
                     ratio(step.bytes, step.seconds) * kPerGiga, kPercent * roofline_share(step, peak));
}

std::string peak_lines(const MachinePeak& peak) {
  constexpr double kKibi = 1024.0;
  std::vector<std::string> copies;
  for (const auto& [block, rate] : peak.bandwidths) {
    const bool small = block < kKibi * kKibi;
    copies.push_back(fmt::format("{:.0f} {} {:.0f}", block / (small ? kKibi : kKibi * kKibi),
                                 small ? "KiB" : "MiB", rate * kPerGiga));
  }
  return fmt::format("peak with {} thread{}: {:.0f} GFLOP/s; GB/s copied within {}\n", peak.threads,
                     peak.threads == 1 ? "" : "s", peak.flops_per_second * kPerGiga, fmt::join(copies, ", "));
}

/// Of all steps, each by its slowest thread.
double step_seconds(const Profile& profile) {
  double sum = 0.0;
  for_each_step(profile.steps, [&](const StepProfile& step, std::size_t) { sum += own_seconds(step); });
  return sum;
}

std::string kernel_lines(const Profile& profile) {
  const std::vector<KernelSum> sums = sums_by_kernel(profile);
  const double all = step_seconds(profile);
  std::size_t width = 4;
  for (const KernelSum& sum : sums) width = std::max(width, characters_in(printable(sum.op)));
  std::string text = fmt::format("{:<{}}  {:<22} {:>6} {:>8} {:>10} {:>6}\n", "op", width, "kernel", "steps",
                                 "times", "us", "%");
  std::vector<std::string> slow;
  for (const KernelSum& sum : sums) {
    text += fmt::format("{:<{}}  {:<22} {:>6} {:>8.6g} {:>10.2f} {:>6.1f}\n", printable(sum.op), width,
                        printable(sum.kernel), sum.steps, sum.times, sum.seconds * kMicro,
                        kPercent * ratio(sum.seconds, all));
    if (sum.kernel == kReference) slow.push_back(printable(sum.op));
  }
  return text + fmt::format("\nby reference kernels: {:.1f}% of the time{}{}\n",
                            kPercent * reference_share(profile), slow.empty() ? "" : ": ",
                            fmt::join(slow, ", "));
}

}  // namespace

std::vector<KernelSum> sums_by_kernel(const Profile& profile) {
  std::map<std::pair<std::string, std::string>, KernelSum> found;
  for_each_step(profile.steps, [&](const StepProfile& step, std::size_t) {
    KernelSum& sum = found[{step.op, step.kernel}];
    sum.op = step.op;
    sum.kernel = step.kernel;
    ++sum.steps;
    sum.times += step.times;
    sum.seconds += own_seconds(step);
  });
  std::vector<KernelSum> sums;
  for (auto& [names, sum] : found) sums.push_back(std::move(sum));
  std::ranges::sort(sums, {}, [](const KernelSum& sum) { return std::tie(sum.seconds, sum.op, sum.kernel); });
  std::ranges::reverse(sums);
  return sums;
}

double reference_share(const Profile& profile) {
  double sum = 0.0;
  for_each_step(profile.steps, [&](const StepProfile& step, std::size_t) {
    if (step.kernel == kReference) sum += own_seconds(step);
  });
  return ratio(sum, step_seconds(profile));
}

double Profile::flops() const {
  double sum = 0.0;
  for (const StepProfile& step : steps) sum += step.flops;
  return sum;
}
double Profile::bytes() const {
  double sum = 0.0;
  for (const StepProfile& step : steps) sum += step.bytes;
  return sum;
}

double roofline_share(const StepProfile& step, const MachinePeak& peak) {
  const double computing = ratio(step.flops, peak.flops_per_second);
  const double moving = ratio(step.bytes, peak.bandwidth_for(step.bytes));
  return ratio(std::max(computing, moving), step.seconds);
}

std::string to_text(const Profile& profile, const MachinePeak& peak) {
  const Widths widths = widths_of(profile);
  std::string text = fmt::format("{:<{}}  {:<{}}  {:<22} {:>3} {:>10} {:>6} {:>8} {:>10} {:>7} {:>6}\n",
                                 "step", widths.title, "result", widths.result, "kernel", "thr", "us", "%",
                                 "GFLOP/s", "kB", "GB/s", "roof %");
  for (const StepProfile& step : profile.steps) {
    for_each_step({step}, [&](const StepProfile& one, std::size_t depth) {
      if (one.barrier_before) text += fmt::format("{:{}}-- barrier --\n", "", 2 * depth);
      text += step_line(profile, one, depth, peak, widths);
    });
  }
  const std::size_t before_seconds = widths.title + widths.result + 30;  // the columns so far and their gaps
  const auto sum_line = [&](const std::string& what, double seconds, const std::string& remark) {
    text += fmt::format("{:<{}} {:>10.2f} {:>6.1f}{}\n", what, before_seconds, seconds * kMicro,
                        kPercent * ratio(seconds, profile.call_seconds), remark);
  };
  text += '\n';
  sum_line("kernels: between two barriers those of the busiest thread", profile.kernel_seconds, "");
  sum_line("overhead: start, barriers, end, looking at the clock", profile.overhead_seconds, "");
  sum_line(
      fmt::format("one call, median of {}", profile.runs), profile.call_seconds,
      fmt::format(" {:>8.1f} {:>10.1f} {:>7.1f}", ratio(profile.flops(), profile.call_seconds) * kPerGiga,
                  profile.bytes() * kPerKilo, ratio(profile.bytes(), profile.call_seconds) * kPerGiga));
  if (profile.exchange_seconds > 0.0) {
    text += fmt::format("exchanges between ranks: {:.1f} us, of which other steps hide {:.0f}%\n",
                        profile.exchange_seconds * kMicro, kPercent * profile.hidden_share());
  }
  return text + '\n' + peak_lines(peak) + '\n' + kernel_lines(profile);
}

double Profile::hidden_share() const {
  return exchange_seconds > 0.0 ? std::clamp(1.0 - exposed_seconds / exchange_seconds, 0.0, 1.0) : 0.0;
}

std::string to_chrome_trace(const Profile& profile) {
  using nlohmann::ordered_json;
  ordered_json events = ordered_json::array();
  const auto add = [&](const std::string& name, const char* category, const ProfileEvent& event,
                       ordered_json arguments) {
    events.push_back({{"name", name},
                      {"cat", category},
                      {"ph", "X"},
                      {"ts", event.begin * kMicro},
                      {"dur", event.seconds * kMicro},
                      {"pid", 0},
                      {"tid", event.thread},
                      {"args", std::move(arguments)}});
  };
  for (int thread = 0; thread < profile.threads; ++thread) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", thread},
                      {"args", {{"name", fmt::format("thread {}", thread)}}}});
  }
  for (const ProfileEvent& call : profile.calls) add("call", "call", call, {{"run", call.run}});
  for (const ProfileEvent& event : profile.timeline) {
    const StepProfile& step = profile.steps[event.step];
    if (event.waiting) {
      add("barrier", "barrier", event, {{"before", step.op}});
    } else {
      add(step.op, "kernel", event,
          {{"name", step.name},
           {"result", step.result},
           {"kernel", step.kernel},
           {"where", step.where},
           {"flops", step.flops},
           {"bytes", step.bytes}});
    }
  }
  // Asynchronous events, since exchanges overlap each other.
  for (std::size_t i = 0; i < profile.exchanges.size(); ++i) {
    const ProfileEvent& event = profile.exchanges[i];
    const StepProfile& step = profile.steps[event.step];
    const auto mark = [&](const char* phase, double time) {
      events.push_back({{"name", step.name.empty() ? step.op : step.name},
                        {"cat", "exchange"},
                        {"ph", phase},
                        {"ts", time * kMicro},
                        {"pid", 0},
                        {"tid", 0},
                        {"id", i}});
    };
    mark("b", event.begin);
    mark("e", event.begin + event.seconds);
  }
  return json_text({{"traceEvents", std::move(events)}, {"displayTimeUnit", "ns"}});
}

}  // namespace weft
