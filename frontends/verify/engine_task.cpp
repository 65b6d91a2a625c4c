#include "weft/frontends/verify/engine_task.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/verify/culprits.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/trial_options.h"

namespace weft::verify {
namespace {

/// How far each output is from what it must be.
std::vector<double> errors_with(const EngineTask& task, const SessionOptions& options) {
  Session session(*task.graph, options);
  Function function = session.compile(task.spec);
  const auto actual = function(task.inputs);
  std::vector<double> errors;
  for (std::size_t i = 0; i < actual.size(); ++i) errors.push_back(distance(actual[i], task.expected[i]));
  return errors;
}

bool is_right(const EngineTask& task, const SessionOptions& options) {
  try {
    return std::ranges::all_of(errors_with(task, options), [&](double e) { return e <= task.bound; });
  } catch (const std::exception&) {
    return false;
  }
}

std::vector<std::string> without_what_it_is_right(const EngineTask& task, const SessionOptions& options) {
  return culprits(options, [&](const SessionOptions& without) { return is_right(task, without); });
}

/// What a session that checks itself blames, or without what the result is right.
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

/// What is wrong of these errors, and who is to blame.
std::vector<std::string> judge(const EngineTask& task, const SessionOptions& options,
                               const std::vector<double>& errors) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (errors[i] <= task.bound) continue;
    lines.push_back(fmt::format("the engine {} is {:.1e} away from the reference in output {}",
                                threads_text(options.threads), errors[i], i));
  }
  if (lines.empty()) return lines;
  std::vector<std::string> first = blamed(task, options);
  first.insert(first.end(), lines.begin(), lines.end());
  return first;
}

}  // namespace

EngineFindings check_task(const EngineTask& task, const CompileOptions& compile) {
  EngineFindings findings;
  for (const int threads : {1, 3}) {
    const SessionOptions options = trial_options(threads, compile);
    std::vector<std::string> lines;
    try {
      const std::vector<double> errors = errors_with(task, options);
      for (const double error : errors) findings.error = std::max(findings.error, error);
      lines = judge(task, options, errors);
    } catch (const std::exception& error) {
      lines = without_what_it_is_right(task, options);
      lines.push_back(fmt::format("the engine {} throws: {}", threads_text(threads), error.what()));
    }
    findings.lines.insert(findings.lines.end(), lines.begin(), lines.end());
  }
  return findings;
}

}  // namespace weft::verify
