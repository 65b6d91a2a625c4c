#pragma once
// Runs the program under test as a user's shell would, and keeps what it said.

#include <csignal>
#include <string>
#include <vector>

namespace weft {

struct ProgramRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs `weft ARGS...` and waits for it. With `interrupt_after_lines` it is sent `signal` once its output
/// has at least that many lines.
ProgramRun run_program(const std::vector<std::string>& args, int interrupt_after_lines = 0,
                       int signal = SIGINT);

}  // namespace weft
