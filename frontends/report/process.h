#pragma once
// Runs another program and keeps what it says.

#include <optional>
#include <string>
#include <vector>

namespace weft::mnist {

struct ProcessResult {
  int exit_code = -1;  // 128 + the signal that ended it
  std::string out;     // its standard output; its standard error goes where ours goes, unless quiet
};

struct ProcessOptions {
  std::string folder{};  // where it runs; empty: here
  bool quiet = true;     // its standard error is thrown away
};

/// Looked for in PATH unless the name has a slash. Empty where there is no such program. Throws Error(io)
/// where it cannot be started for another reason.
std::optional<ProcessResult> run_process(const std::vector<std::string>& words,
                                         const ProcessOptions& options = {});

}  // namespace weft::mnist
