#pragma once
// The machine and the build that results hold for, which certificates and studies name.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::report {

struct Machine {
  std::string cpu;                        // its model name
  std::vector<std::string> cpu_features;  // those that decide which kernels are used
  std::string vectors;                    // the instruction set that weft's kernels use
  unsigned cores = 0;                     // how many the process may use
  double memory_gib = 0.0;
  std::string system;  // "Debian GNU/Linux 12 (bookworm), Linux 6.1"
  std::string compiler;
  std::vector<std::pair<std::string, std::string>> libraries;  // name and version, weft's own first

  /// The version of a library; empty if it is not listed.
  std::string version_of(std::string_view library) const;
};

/// A property that cannot be found out is "unknown", empty or 0.
Machine this_machine();

nlohmann::ordered_json as_json(const Machine& machine);

}  // namespace weft::report
