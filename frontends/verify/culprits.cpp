#include "weft/frontends/verify/culprits.h"

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "weft/runtime/compile/pass_list.h"

namespace weft::verify {
namespace {

std::string line(std::string_view what) {
  return fmt::format("to blame, as all is right without it: {}", what);
}

/// A line for each of `names` without which the result is right.
std::vector<std::string> wrong(std::string_view kind, std::span<const std::string_view> names,
                               const SessionOptions& options, const IsRight& is_right) {
  std::vector<std::string> lines;
  for (const std::string_view name : names) {
    SessionOptions without = options;
    without.compile.without.emplace_back(name);
    if (is_right(without)) lines.push_back(line(fmt::format("the {} '{}'", kind, name)));
  }
  return lines;
}

std::vector<std::string> wrong_kernels(const SessionOptions& options, const IsRight& is_right) {
  const auto names = optional_names(options.compile);
  return wrong("kernel", std::span(names).subspan(pass_names().size()), options, is_right);
}

std::vector<std::string> wrong_passes(const SessionOptions& options, const IsRight& is_right) {
  return wrong("pass", pass_names(), options, is_right);
}

/// Looks at the two things in which several threads differ from one: how steps are cut, and what runs at
/// once.
std::vector<std::string> wrong_threads(const SessionOptions& options, const IsRight& is_right) {
  SessionOptions one = options;
  one.threads = 1;
  one.compile.cuts = 0;
  if (options.threads == 1 || !is_right(one)) return {};
  one.compile.cuts = options.compile.cuts > 0 ? options.compile.cuts : options.threads;
  if (!is_right(one)) return {line(fmt::format("the cut of steps into {} shards", one.compile.cuts))};
  return {line("the schedule of several threads, its barriers or how long it keeps memory")};
}

}  // namespace

std::vector<std::string> culprits(const SessionOptions& options, const IsRight& is_right) {
  for (const auto search : {wrong_kernels, wrong_passes, wrong_threads}) {
    auto lines = search(options, is_right);
    if (!lines.empty()) return lines;
  }
  return {};
}

}  // namespace weft::verify
