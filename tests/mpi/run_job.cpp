#include "weft/tests/mpi/run_job.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace weft {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// How long a launcher may go on without ranks: it starts them at first.
constexpr std::chrono::seconds kLongestEnd{40};

/// How long a rank may outlive its launcher, which kills ranks and does not wait for them.
constexpr std::chrono::seconds kLongestDying{10};

std::string read_all(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The processes that have this variable in their environment and run `program`.
std::vector<int> processes_of(const std::string& mark, const std::string& program) {
  std::vector<int> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    int process = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), process).ec != std::errc()) continue;
    std::error_code error;
    if (fs::read_symlink(entry.path() / "exe", error) != fs::path(program) || error) continue;
    if (read_all(entry.path() / "environ").find(mark) != std::string::npos) found.push_back(process);
  }
  std::ranges::sort(found);
  return found;
}

/// Those of them that are there after the time of dying.
std::vector<int> orphans_of(const std::string& mark, const std::string& program) {
  const auto begin = Clock::now();
  std::vector<int> found = processes_of(mark, program);
  while (!found.empty() && Clock::now() - begin < kLongestDying) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    found = processes_of(mark, program);
  }
  return found;
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

pid_t spawn(const std::vector<std::string>& words, const std::string& mark, const std::string& output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::vector<std::string> texts = words;
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  // Open MPI wants to be asked twice before it runs as root.
  std::vector<std::string> variables{mark, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                                     "OMPI_MCA_rmaps_base_oversubscribe=1"};
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  for (char** at = environ; *at != nullptr; ++at) environment.push_back(*at);
  environment.push_back(nullptr);
  pid_t process = 0;
  const int failed = ::posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("the launcher cannot be started");
  return process;
}

}  // namespace

JobRun run_job(int ranks, const std::string& program, const std::vector<std::string>& args,
               const std::function<void(const std::vector<int>& processes)>& while_running) {
  static int runs = 0;
  const std::string name = "weft_job_" + std::to_string(::getpid()) + "_" + std::to_string(++runs);
  const std::string output = testing::TempDir() + name;
  const std::string mark = "WEFT_JOB=" + name + ".";
  const std::string target = fs::canonical(program).string();
  std::vector<std::string> words{WEFT_MPIEXEC, WEFT_RANKS_FLAG, std::to_string(ranks), target};
  words.insert(words.end(), args.begin(), args.end());
  const auto begin = Clock::now();
  const pid_t launcher = spawn(words, mark, output);
  JobRun run;
  int status = 0;
  auto alive = begin;  // when a rank was last seen
  while (::waitpid(launcher, &status, WNOHANG) == 0) {
    const std::vector<int> processes = processes_of(mark, target);
    if (while_running) while_running(processes);
    const auto now = Clock::now();
    if (!processes.empty()) alive = now;
    if (now - alive > kLongestEnd && !run.launcher_hung) {
      run.launcher_hung = true;
      ::kill(launcher, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  run.exit_code = exit_code_of(status);
  run.seconds = std::chrono::duration<double>((run.launcher_hung ? alive : Clock::now()) - begin).count();
  run.orphans = orphans_of(mark, target);
  run.text = read_all(output);
  fs::remove(output);
  return run;
}

}  // namespace weft
