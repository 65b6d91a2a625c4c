#pragma once
// Runs another program and keeps what it says. There is no shell in between: every word reaches the program
// as it is.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft::report {

struct ProcessResult {
  int exit_code = -1;  // 128 + the signal that ended it
  std::string out;     // its standard output, and its standard error where that was asked for
};

/// What becomes of the program's standard error.
enum class ErrorStream : std::uint8_t { discard, keep_with_output };

struct ProcessOptions {
  std::string folder{};  // where it runs; empty: here
  ErrorStream errors = ErrorStream::discard;
};

/// The program is the first word, looked for in PATH unless it has a slash. Empty where there is no such
/// program. Throws Error(io) where it cannot be started for another reason, and Error(invalid_argument) for
/// no words and for a word that holds a zero byte.
std::optional<ProcessResult> run_process(const std::vector<std::string>& words,
                                         const ProcessOptions& options = {});

}  // namespace weft::report
