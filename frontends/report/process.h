#pragma once
// Runs another program and keeps its output. There is no shell in between: every word reaches the program
// unchanged.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft::report {

struct ProcessResult {
  int exit_code = -1;  // or 128 + the signal that ended it
  std::string out;     // its standard output, and its standard error if that was asked for
};

/// What becomes of the program's standard error.
enum class ErrorStream : std::uint8_t { discard, keep_with_output };

struct ProcessOptions {
  std::string folder{};  // the folder in which it runs; empty: the current one
  ErrorStream errors = ErrorStream::discard;
};

/// The first word is the program, which is looked for in PATH unless it has a slash. Returns nothing if there
/// is no such program. Throws Error(io) if it cannot be started for another reason, and
/// Error(invalid_argument) for an empty list and for a word that holds a zero byte.
std::optional<ProcessResult> run_process(const std::vector<std::string>& words,
                                         const ProcessOptions& options = {});

}  // namespace weft::report
