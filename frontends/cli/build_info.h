#pragma once
// What a certificate must say of the build and the machine that it holds for.

#include <string>
#include <utility>
#include <vector>

namespace weft::cli {

struct BuildInfo {
  std::string cpu;                        // its own name
  std::vector<std::string> cpu_features;  // those that kernels choose by
  std::string vectors;                    // the instruction set that weft's kernels chose
  std::string compiler;
  std::vector<std::pair<std::string, std::string>> libraries;  // name and version, weft's own first
};

BuildInfo build_info();

}  // namespace weft::cli
