#pragma once
// How the programs of bench/ end.

#include <cstdio>
#include <exception>

namespace weft::bench {

/// Runs a program's `parse_and_run`; an error becomes one line on stderr and exit code 1.
inline int run_program(const char* name, int (*parse_and_run)(int, char**), int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  return 1;
}

}  // namespace weft::bench
