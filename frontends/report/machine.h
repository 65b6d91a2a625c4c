#pragma once
// The machine and the build that results hold for: what a certificate and a study must say of themselves.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::report {

struct Machine {
  std::string cpu;                        // its own name
  std::vector<std::string> cpu_features;  // those that kernels choose by
  std::string vectors;                    // the instruction set that weft's kernels chose
  unsigned cores = 0;                     // that the process may use
  double memory_gib = 0.0;
  std::string system;  // "Debian GNU/Linux 12 (bookworm), Linux 6.1"
  std::string compiler;
  std::vector<std::pair<std::string, std::string>> libraries;  // name and version, weft's own first

  /// The version of a library; empty where it is not among them.
  std::string version_of(std::string_view library) const;
};

/// What cannot be found out is "unknown", empty or 0.
Machine this_machine();

nlohmann::ordered_json as_json(const Machine& machine);

}  // namespace weft::report
