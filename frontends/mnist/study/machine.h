#pragma once
// Where a study ran, for whoever compares figures.

#include <string>

namespace weft::mnist {

struct Machine {
  std::string processor;  // "AMD EPYC 9V74 80-Core Processor"
  unsigned cores = 0;     // that the process may use
  double memory_gib = 0.0;
  std::string system;    // "Debian GNU/Linux 12 (bookworm), Linux 6.1"
  std::string compiler;  // "g++ 12.2.0"
  std::string weft;      // "0.1.0"
  std::string onednn;
};

/// What cannot be found out is empty or 0.
Machine this_machine();

}  // namespace weft::mnist
