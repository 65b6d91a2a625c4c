#include "weft/frontends/report/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::report {
namespace {

/// What the child process does before it becomes the program.
class Actions {
 public:
  Actions() { ::posix_spawn_file_actions_init(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// Starts the program with no signals blocked, since the blocked ones are a matter of weft's threads.
class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::string read_all(int descriptor) {
  constexpr std::size_t kPage = 4096;
  std::string text;
  std::array<char, kPage> part{};
  ssize_t count = 0;
  while ((count = ::read(descriptor, part.data(), part.size())) != 0) {
    if (count > 0) text.append(part.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) break;
  }
  return text;
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  constexpr int kSignals = 128;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignals + WTERMSIG(status);
}

void expect_words(const std::vector<std::string>& words) {
  if (words.empty()) throw Error(ErrorCode::invalid_argument, "a process needs the name of a program");
  for (const std::string& word : words) {
    if (word.find('\0') == std::string::npos) continue;
    throw Error(ErrorCode::invalid_argument, "an argument of a program cannot hold a zero byte",
                {.expected = "text", .actual = fmt::format("'{}'", shortened(word, 60))});
  }
}

}  // namespace

std::optional<ProcessResult> run_process(const std::vector<std::string>& words,
                                         const ProcessOptions& options) {
  expect_words(words);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error(ErrorCode::io, "there is no pipe left for another program");
  Actions actions;
  const Attributes attributes;
  ::posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDOUT_FILENO);
  if (options.errors == ErrorStream::keep_with_output) {
    ::posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDERR_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(actions.get(), STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  if (!options.folder.empty()) ::posix_spawn_file_actions_addchdir_np(actions.get(), options.folder.c_str());
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = 0;
  const int failed = ::posix_spawnp(&process, argv[0], actions.get(), attributes.get(), argv.data(), environ);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    if (failed == ENOENT) return std::nullopt;
    throw Error(ErrorCode::io, fmt::format("{}: cannot be started", words[0]),
                {.actual = std::generic_category().message(failed)});
  }
  ProcessResult result;
  result.out = read_all(ends[0]);
  ::close(ends[0]);
  result.exit_code = wait_for(process);
  return result;
}

}  // namespace weft::report
