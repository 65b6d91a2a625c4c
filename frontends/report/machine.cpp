#include "weft/frontends/report/machine.h"

#include <cpuid.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include <CLI/Version.hpp>
#include <algorithm>
#include <array>
#include <boost/version.hpp>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/machine/onednn.h"

namespace weft::report {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

/// The processor's brand string, which comes in three pieces of 16 characters.
std::string cpu_name() {
  constexpr unsigned kFirstPart = 0x80000002;
  constexpr unsigned kParts = 3;
  std::array<unsigned, 4 * kParts + 1> text{};
  for (unsigned part = 0; part < kParts; ++part) {
    unsigned* const at = text.data() + std::size_t{4} * part;
    if (__get_cpuid(kFirstPart + part, at, at + 1, at + 2, at + 3) == 0) return "unknown";
  }
  std::string name(sizeof text, '\0');
  std::memcpy(name.data(), text.data(), sizeof text);
  name.resize(std::strlen(name.c_str()));
  const auto first = name.find_first_not_of(' ');
  const auto last = name.find_last_not_of(' ');
  return first == std::string::npos ? "unknown" : name.substr(first, last - first + 1);
}

std::vector<std::string> cpu_features() {
  __builtin_cpu_init();
  std::vector<std::string> features;
  const auto add = [&](const char* name, int present) {
    if (present != 0) features.emplace_back(name);
  };
  add("sse4.2", __builtin_cpu_supports("sse4.2"));
  add("avx", __builtin_cpu_supports("avx"));
  add("avx2", __builtin_cpu_supports("avx2"));
  add("fma", __builtin_cpu_supports("fma"));
  add("avx512f", __builtin_cpu_supports("avx512f"));
  add("avx512bw", __builtin_cpu_supports("avx512bw"));
  add("avx512vnni", __builtin_cpu_supports("avx512vnni"));
  return features;
}

std::string dotted(int major, int minor, int patch) { return fmt::format("{}.{}.{}", major, minor, patch); }

/// "oneDNN 2.6.3" without its name.
std::string onednn_number() {
  const std::string text = onednn_version();
  return text.substr(text.find(' ') + 1);
}

double memory_gib() {
  constexpr double kGibi = 1024.0 * 1024.0 * 1024.0;
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) /
         kGibi;
}

/// What /etc/os-release calls the system.
std::string distribution() {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  std::ifstream stream("/etc/os-release");
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with(kKey)) continue;
    std::string name = line.substr(kKey.size());
    std::erase(name, '"');
    return name;
  }
  return "unknown";
}

std::string system_name() {
  utsname kernel{};
  ::uname(&kernel);
  return fmt::format("{}, Linux {}", distribution(), static_cast<const char*>(kernel.release));
}

}  // namespace

std::string Machine::version_of(std::string_view library) const {
  const auto found = std::ranges::find(libraries, library, &std::pair<std::string, std::string>::first);
  return found == libraries.end() ? "" : found->second;
}

Machine this_machine() {
  constexpr int kThousand = 1000;
  constexpr int kHundred = 100;
  return {.cpu = cpu_name(),
          .cpu_features = cpu_features(),
          .vectors = std::string(vector_functions().instruction_set),
          .cores = std::thread::hardware_concurrency(),
          .memory_gib = memory_gib(),
          .system = system_name(),
          .compiler = kCompiler,
          .libraries = {{"weft", WEFT_VERSION},
                        {"oneDNN", onednn_number()},
                        {"Boost", dotted(BOOST_VERSION / kThousand / kHundred,
                                         BOOST_VERSION / kHundred % kThousand, BOOST_VERSION % kHundred)},
                        {"fmt", dotted(FMT_VERSION / kHundred / kHundred, FMT_VERSION / kHundred % kHundred,
                                       FMT_VERSION % kHundred)},
                        {"nlohmann-json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                                 NLOHMANN_JSON_VERSION_PATCH)},
                        {"CLI11", CLI11_VERSION},
                        {"zlib", zlibVersion()},
                        {"glibc", gnu_get_libc_version()}}};
}

nlohmann::ordered_json as_json(const Machine& machine) {
  nlohmann::ordered_json libraries = nlohmann::ordered_json::object();
  for (const auto& [name, version] : machine.libraries) libraries[name] = version;
  return {{"cpu", machine.cpu},
          {"cpu_features", machine.cpu_features},
          {"vectors", machine.vectors},
          {"cores", machine.cores},
          {"memory_gib", machine.memory_gib},
          {"system", machine.system},
          {"compiler", machine.compiler},
          {"libraries", libraries}};
}

}  // namespace weft::report
