#include "weft/frontends/cli/job.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string_view>

#include "weft/frontends/cli/validators.h"
#include "weft/frontends/mpi/module.h"
#include "weft/graph/error.h"
#include "weft/runtime/machine/signals.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModule = "weft-mpi.so";

/// What the first of these variables holds that a launcher set; null without one.
const char* of_launcher(std::initializer_list<const char*> variables) {
  for (const char* const variable : variables) {
    if (const char* const value = std::getenv(variable)) return value;
  }
  return nullptr;
}
const char* size_of_job() { return of_launcher({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}); }

std::int64_t number_of(const char* text, std::int64_t otherwise) {
  if (text == nullptr) return otherwise;
  std::int64_t number = otherwise;
  const std::string_view digits = text;
  return std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc() ? number
                                                                                                 : otherwise;
}

/// Where the module may be, the program's own folder first.
std::vector<fs::path> module_places() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {folder / kModule, folder.parent_path() / WEFT_MODULE_FOLDER / kModule};
}

using Join = decltype(&weft_mpi_join);

Join load_module() {
  for (const fs::path& place : module_places()) {
    if (!fs::exists(place)) continue;
    // MPI finds parts of its own among the global symbols.
    void* const module = ::dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL);
    void* const function = module == nullptr ? nullptr : ::dlsym(module, "weft_mpi_join");
    if (function != nullptr) return reinterpret_cast<Join>(function);
    throw Error(ErrorCode::unsupported, fmt::format("MPI cannot be loaded: {}", ::dlerror()));
  }
  throw Error(
      ErrorCode::unsupported,
      fmt::format("a launcher started {} ranks, but this weft was built without MPI", launched_ranks()),
      {.expected = fmt::format("{} beside the program (./dev deps --mpi, then build)", kModule)});
}

std::shared_ptr<Communicator> join(const JobOptions& options) {
  const Join join = load_module();
  constexpr std::int64_t kMilliseconds = 1000;
  // Threads of MPI leave signals to the program's own.
  const SignalShield shield;
  std::shared_ptr<Communicator> ranks;
  join(options.patience * kMilliseconds, &ranks);
  return ranks;
}

}  // namespace

void add_job_options(CLI::App& app, JobOptions& options) {
  constexpr std::int64_t kLongest = 1'000'000;
  app.add_option("--rank-timeout", options.patience,
                 "Under mpirun: seconds that ranks wait for one that does not come, before the job ends")
      ->check(whole_within(1, kLongest))
      ->type_name("SECONDS");
}

std::int64_t launched_ranks() { return number_of(size_of_job(), 1); }

std::int64_t launched_rank() { return number_of(of_launcher({"OMPI_COMM_WORLD_RANK", "PMI_RANK"}), 0); }

bool was_launched() { return size_of_job() != nullptr; }

int run_in_job(const JobOptions& options, const RankCommand& command) {
  if (launched_ranks() <= 1) return command(nullptr);
  const std::shared_ptr<Communicator> ranks = join(options);
  try {
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory)
    if (!is_first(ranks) && std::freopen("/dev/null", "w", stdout) == nullptr)
      throw Error(ErrorCode::io, "/dev/null cannot be opened");
    return command(ranks);
  } catch (const std::bad_alloc&) {
    ranks->abort("out of memory");
  } catch (const std::exception& error) {
    ranks->abort(error.what());
  }
  return kFailure;
}

int run_command(const Registered& command) {
  if (command.by_ranks) return command.run();
  return run_in_job({}, [&](const std::shared_ptr<Communicator>& ranks) {
    if (!ranks) return command.run();
    throw Error(ErrorCode::unsupported,
                fmt::format("{} runs as one process, and a launcher started {}", command.app->get_name(),
                            ranks_in_words(ranks)),
                {.expected = "no launcher, or a command for ranks: train, profile, scale, onnx train"});
  });
}

bool is_first(const std::shared_ptr<Communicator>& ranks) { return !ranks || ranks->rank() == 0; }

std::string ranks_in_words(const std::shared_ptr<Communicator>& ranks) {
  return ranks ? fmt::format("{} ranks", ranks->size()) : std::string();
}

}  // namespace weft::cli
