#include "weft/frontends/mnist/study/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <string_view>
#include <thread>

#include "weft/runtime/onednn.h"

namespace weft::mnist {
namespace {

/// The rest of the first line of a file that begins with `key`, without what separates them.
std::string value_in(const char* file, std::string_view key) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with(key)) continue;
    const auto begin = line.find_first_not_of("\t :=\"", key.size());
    const auto end = line.find_last_not_of("\" ");
    return begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
  }
  return "";
}

double memory_gib() {
  constexpr double kGibi = 1024.0 * 1024.0 * 1024.0;
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) /
         kGibi;
}

std::string compiler() {
#ifdef __clang__
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("g++ {}", __VERSION__);
#endif
}

}  // namespace

Machine this_machine() {
  utsname kernel{};
  ::uname(&kernel);
  return {.processor = value_in("/proc/cpuinfo", "model name"),
          .cores = std::thread::hardware_concurrency(),
          .memory_gib = memory_gib(),
          .system = fmt::format("{}, Linux {}", value_in("/etc/os-release", "PRETTY_NAME"),
                                static_cast<const char*>(kernel.release)),
          .compiler = compiler(),
          .weft = WEFT_VERSION,
          .onednn = onednn_version()};
}

}  // namespace weft::mnist
