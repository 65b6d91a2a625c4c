#include "weft/frontends/cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "weft/frontends/cli/job.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

/// What a process writes to as its descriptor `descriptor`: "/dev/pts/3", "pipe:[71]"; empty if that is not
/// to be known.
std::string target_of(int process, int descriptor) {
  std::error_code error;
  return fs::read_symlink(fmt::format("/proc/{}/fd/{}", process, descriptor), error).string();
}

/// 0 if it is not to be known.
int parent_of(int process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // "12 (a name, in which anything may be) S 11 ..."
  constexpr std::string_view kBetween = ") S ";
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos || end + kBetween.size() >= text.size()) return 0;
  int parent = 0;
  std::from_chars(text.data() + end + kBetween.size(), text.data() + text.size(), parent);
  return parent;
}

bool names_a_terminal(std::string_view target) {
  return target.starts_with("/dev/pts/") || target.starts_with("/dev/tty") || target == "/dev/console";
}

/// The launcher is the first process above this one that writes to something else.
bool launcher_has_terminal(int descriptor) {
  const std::string own = target_of(::getpid(), descriptor);
  int process = ::getppid();
  while (process > 1 && target_of(process, descriptor) == own) process = parent_of(process);
  return process > 1 && names_a_terminal(target_of(process, descriptor));
}

}  // namespace

bool is_terminal(std::FILE* stream) {
  const int descriptor = ::fileno(stream);
  return ::isatty(descriptor) == 1 && (!was_launched() || launcher_has_terminal(descriptor));
}

}  // namespace weft::cli
