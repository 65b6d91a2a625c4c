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

std::string title_of(const StepProfile& step) {
  constexpr std::size_t kLongest = 40;
  return shortened(step.name.empty() ? step.op : fmt::format("{} {}", step.op, step.name), kLongest);
}

/// The widths of the first two columns, as large as their texts.
struct Widths {
  std::size_t title = 4;
  std::size_t result = 6;
};
Widths widths_of(const Profile& profile) {
  Widths widths;
  for (const StepProfile& step : profile.steps) {
    widths.title = std::max(widths.title, characters_in(title_of(step)));
    widths.result = std::max(widths.result, characters_in(printable(step.result)));
  }
  return widths;
}

std::string step_line(const Profile& profile, const StepProfile& step, const MachinePeak& peak,
                      const Widths& widths) {
  return fmt::format("{:<{}}  {:<{}}  {:<22} {:>3} {:>10.2f} {:>6.1f} {:>8.1f} {:>10.1f} {:>7.1f} {:>6.0f}\n",
                     title_of(step), widths.title, printable(step.result), widths.result,
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
  for (const StepProfile& step : profile.steps) sum += step.seconds;
  return sum;
}

std::string kernel_lines(const Profile& profile) {
  const std::vector<KernelSum> sums = sums_by_kernel(profile);
  const double all = step_seconds(profile);
  std::size_t width = 4;
  for (const KernelSum& sum : sums) width = std::max(width, characters_in(printable(sum.op)));
  std::string text =
      fmt::format("{:<{}}  {:<22} {:>6} {:>10} {:>6}\n", "op", width, "kernel", "steps", "us", "%");
  std::vector<std::string> slow;
  for (const KernelSum& sum : sums) {
    text += fmt::format("{:<{}}  {:<22} {:>6} {:>10.2f} {:>6.1f}\n", printable(sum.op), width,
                        printable(sum.kernel), sum.steps, sum.seconds * kMicro,
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
  for (const StepProfile& step : profile.steps) {
    KernelSum& sum = found[{step.op, step.kernel}];
    sum.op = step.op;
    sum.kernel = step.kernel;
    ++sum.steps;
    sum.seconds += step.seconds;
  }
  std::vector<KernelSum> sums;
  for (auto& [names, sum] : found) sums.push_back(std::move(sum));
  std::ranges::sort(sums, {}, [](const KernelSum& sum) { return std::tie(sum.seconds, sum.op, sum.kernel); });
  std::ranges::reverse(sums);
  return sums;
}

double reference_share(const Profile& profile) {
  double sum = 0.0;
  for (const StepProfile& step : profile.steps) sum += step.kernel == kReference ? step.seconds : 0.0;
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
    if (step.barrier_before) text += "-- barrier --\n";
    text += step_line(profile, step, peak, widths);
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
  return text + '\n' + peak_lines(peak) + '\n' + kernel_lines(profile);
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
  return json_text({{"traceEvents", std::move(events)}, {"displayTimeUnit", "ns"}});
}

}  // namespace weft
