#include "weft/frontends/verify/engine_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weft/frontends/verify/culprits.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/trial_options.h"

namespace weft::verify {
namespace {

/// The errors of all outputs and updated parameters.
std::vector<double> errors_with(const EngineTask& task, const SessionOptions& options) {
  Session session(*task.graph, options);
  Function function = session.compile(task.spec);
  const auto actual = function(task.inputs);
  std::vector<double> errors;
  for (std::size_t i = 0; i < actual.size(); ++i)
    errors.push_back(task.distance(actual[i], task.expected[i]));
  for (std::size_t i = 0; i < task.updated.size(); ++i)
    errors.push_back(task.distance(session.value(task.updated[i]), task.expected[actual.size() + i]));
  return errors;
}

}  // namespace

bool is_right(const EngineTask& task, const SessionOptions& options) {
  try {
    return std::ranges::all_of(errors_with(task, options), [&](double e) { return e <= task.bound; });
  } catch (const std::exception&) {
    return false;
  }
}

namespace {

std::vector<std::string> without_what_it_is_right(const EngineTask& task, const SessionOptions& options) {
  return culprits(options, [&](const SessionOptions& without) { return is_right(task, without); });
}

/// What a session that checks itself blames, or else the passes and kernels without which the result is
/// right.
std::vector<std::string> blamed(const EngineTask& task, const SessionOptions& options) {
  SessionOptions checking = options;
  checking.compile.self_check = true;
  try {
    errors_with(task, checking);
  } catch (const std::exception& error) {
    return {fmt::format("to blame: {}", error.what())};
  }
  return without_what_it_is_right(task, options);
}

std::string threads_text(int threads) {
  return threads == 1 ? "on 1 thread" : fmt::format("on {} threads", threads);
}

/// Lines about the errors that are too large, and what is to blame.
std::vector<std::string> judge(const EngineTask& task, const SessionOptions& options,
                               const std::vector<double>& errors) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (errors[i] <= task.bound) continue;
    const std::size_t outputs = task.expected.size() - task.updated.size();
    lines.push_back(fmt::format(
        "the engine {} is {:.1e} away from the reference in {}", threads_text(options.threads), errors[i],
        i < outputs ? fmt::format("output {}", i) : fmt::format("parameter {}", task.updated[i - outputs])));
  }
  if (lines.empty()) return lines;
  std::vector<std::string> first = blamed(task, options);
  first.insert(first.end(), lines.begin(), lines.end());
  return first;
}

}  // namespace

EngineFindings check_task(const EngineTask& task, std::span<const SessionOptions> engines) {
  EngineFindings findings;
  for (const SessionOptions& options : engines) {
    std::vector<std::string> lines;
    try {
      const std::vector<double> errors = errors_with(task, options);
      for (const double error : errors) findings.error = std::max(findings.error, error);
      lines = judge(task, options, errors);
    } catch (const std::exception& error) {
      lines = without_what_it_is_right(task, options);
      lines.push_back(fmt::format("the engine {} throws: {}", threads_text(options.threads), error.what()));
    }
    findings.lines.insert(findings.lines.end(), lines.begin(), lines.end());
  }
  return findings;
}

EngineFindings check_task(const EngineTask& task, const CompileOptions& compile) {
  return check_task(task, std::array{trial_options(1, compile), trial_options(3, compile)});
}

}  // namespace weft::verify
