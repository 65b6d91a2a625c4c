#include "weft/frontends/verify/culprits.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "weft/runtime/compile/kernel_list.h"

namespace weft::verify {
namespace {

/// Something that the compiler can do without.
struct Switch {
  std::string_view what;
  void (*off)(CompileOptions&);
};

constexpr std::array kSwitches{
    Switch{"the pass 'stabilize'", [](CompileOptions& options) { options.stabilize = false; }},
    Switch{"the pass 'simplify'", [](CompileOptions& options) { options.simplify = false; }},
    Switch{"the pass 'constant_folding'", [](CompileOptions& options) { options.fold = false; }},
    Switch{"the pass 'common_subexpressions'", [](CompileOptions& options) { options.merge = false; }},
    Switch{"the pass 'skip_zeros'", [](CompileOptions& options) { options.skip_zeros = SkipZeros::never; }},
    Switch{"the pass 'fuse_matmul'", [](CompileOptions& options) { options.fuse_matmul = false; }},
    Switch{"the pass 'fuse_accumulate'", [](CompileOptions& options) { options.fuse_accumulate = false; }},
    Switch{"the pass 'fuse_cross_entropy'",
           [](CompileOptions& options) { options.fuse_cross_entropy = false; }},
    Switch{"the pass 'fuse_elementwise'", [](CompileOptions& options) { options.fuse_elementwise = false; }},
    Switch{"the passes 'split_columns' and 'split_products'",
           [](CompileOptions& options) { options.split_weights = false; }},
    Switch{"the pass 'fuse_gather'", [](CompileOptions& options) { options.fuse_gather = false; }},
    Switch{"that updates are written in place",
           [](CompileOptions& options) { options.in_place_updates = false; }},
};

std::string line(std::string_view what) {
  return fmt::format("to blame, as all is right without it: {}", what);
}

std::vector<std::string> wrong_kernels(const SessionOptions& options, const IsRight& is_right) {
  std::vector<std::string> lines;
  for (const auto list : {std::span<const KernelEntry>(options.compile.kernels), kernel_list()}) {
    for (const KernelEntry& entry : list) {
      SessionOptions without = options;
      without.compile.without_kernels.emplace_back(entry.name);
      if (is_right(without)) lines.push_back(line(fmt::format("the kernel '{}'", entry.name)));
    }
  }
  return lines;
}

std::vector<std::string> wrong_passes(const SessionOptions& options, const IsRight& is_right) {
  std::vector<std::string> lines;
  for (const Switch& part : kSwitches) {
    SessionOptions without = options;
    part.off(without.compile);
    if (is_right(without)) lines.push_back(line(part.what));
  }
  return lines;
}

/// Several threads differ from one in how steps are cut, and in what runs at once.
std::vector<std::string> wrong_threads(const SessionOptions& options, const IsRight& is_right) {
  SessionOptions one = options;
  one.threads = 1;
  one.compile.cuts = 0;
  if (options.threads == 1 || !is_right(one)) return {};
  one.compile.cuts = options.compile.cuts > 0 ? options.compile.cuts : options.threads;
  if (!is_right(one)) return {line(fmt::format("the cut of steps into {} parts", one.compile.cuts))};
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
