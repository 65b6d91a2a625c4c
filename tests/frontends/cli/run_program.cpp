#include "weft/tests/frontends/cli/run_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace weft {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

int wait_for(pid_t process, const std::string& out, int lines, int signal) {
  int status = 0;
  while (lines > 0 && ::waitpid(process, &status, WNOHANG) == 0) {
    const std::string text = read_all(out);
    if (std::ranges::count(text, '\n') >= lines) {
      ::kill(process, signal);
      lines = 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (lines > 0) return exit_code_of(status);
  ::waitpid(process, &status, 0);
  return exit_code_of(status);
}

}  // namespace

ProgramRun run_program(const std::vector<std::string>& args, int interrupt_after_lines, int signal) {
  static int runs = 0;
  const std::string base =
      testing::TempDir() + "weft_run_" + std::to_string(::getpid()) + "_" + std::to_string(++runs);
  const std::string out = base + ".out";
  const std::string err = base + ".err";
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  std::vector<std::string> words{WEFT_PROGRAM};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = 0;
  const int failed = ::posix_spawn(&process, WEFT_PROGRAM, &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("the program cannot be started");
  ProgramRun run;
  run.exit_code = wait_for(process, out, interrupt_after_lines, signal);
  run.out = read_all(out);
  run.err = read_all(err);
  std::filesystem::remove(out);
  std::filesystem::remove(err);
  return run;
}

}  // namespace weft
