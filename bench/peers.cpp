#include "weft/bench/peers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "weft/graph/error.h"

namespace weft::bench {
namespace {

constexpr int kSignalled = 128;

/// OpenBLAS chooses its kernels by the processor, unless these tell it to take older ones. Peers run at their
/// best.
constexpr std::array<std::string_view, 2> kSlowerKernels = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"};

/// This process's environment without what slows peers down, and with `changes`, as "NAME=value".
std::vector<std::string> changed_environment(const Environment& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string line = *entry;
    const std::string name = line.substr(0, line.find('='));
    if (!changes.contains(name) && std::ranges::find(kSlowerKernels, name) == kSlowerKernels.end())
      all.push_back(line);
  }
  for (const auto& [name, value] : changes) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorCode::io, "no pipe for an adapter");
  return {ends[0], ends[1]};
}

pid_t start(const std::string& program, std::vector<std::string> words, std::vector<std::string> variables,
            const Pipe& commands, const Pipe& answers) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, commands.read, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, answers.write, STDOUT_FILENO);
  pid_t process = -1;
  const int failed = ::posix_spawn(&process, program.c_str(), &actions, nullptr, pointers_to(words).data(),
                                   pointers_to(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(commands.read);
  ::close(answers.write);
  if (failed == 0) return process;
  ::close(commands.write);
  ::close(answers.read);
  throw Error(ErrorCode::io, "cannot start an adapter",
              {.expected = "an executable program", .actual = program});
}

Environment environment_of(const nlohmann::json& json) {
  Environment environment;
  for (const auto& [name, value] : json.items()) {
    environment[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return environment;
}

}  // namespace

std::string to_string(const Environment& environment) {
  std::string text;
  for (const auto& [name, value] : environment) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  }
  return text;
}

PeerDescription describe_peer(const std::filesystem::path& program) {
  PeerDescription peer{.program = program, .framework = program.filename().string(), .version = {}};
  try {
    PeerProcess process(program, {"--describe"}, {});
    const nlohmann::json said = process.read();
    peer.framework = said.at("framework");
    peer.absent = said.value("absent", "");
    if (!peer.absent.empty()) return peer;
    peer.version = said.at("version");
    for (const auto& setting : said.at("settings")) peer.settings.push_back(environment_of(setting));
  } catch (const std::exception& error) {
    peer.absent = error.what();
  }
  return peer;
}

std::vector<PeerDescription> find_peers(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> programs;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_regular_file() && ::access(entry.path().c_str(), X_OK) == 0) programs.push_back(entry);
    }
  }
  std::ranges::sort(programs);
  std::vector<PeerDescription> peers;
  for (const auto& program : programs) peers.push_back(describe_peer(program));
  return peers;
}

PeerProcess::PeerProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                         const Environment& environment)
    : name_(program.filename().string()) {
  std::signal(SIGPIPE, SIG_IGN);  // an adapter that has ended is an Error, not the end of this program
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Pipe commands = make_pipe();
  const Pipe answers = make_pipe();
  process_ = start(program.string(), std::move(words), changed_environment(environment), commands, answers);
  commands_.reset(commands.write);
  answers_.reset(answers.read);
}

PeerProcess::~PeerProcess() { finish(); }

void PeerProcess::Descriptor::reset(int number) {
  if (number_ >= 0) ::close(number_);
  number_ = number;
}

nlohmann::json PeerProcess::ask(const std::string& command) {
  const std::string line = command + "\n";
  // A line is shorter than what a pipe takes in one piece.
  if (::write(commands_.get(), line.data(), line.size()) != std::ssize(line)) {
    throw Error(ErrorCode::io, name_ + " takes no more commands");
  }
  return read();
}

nlohmann::json PeerProcess::read() {
  constexpr std::size_t kPiece = 4096;
  std::array<char, kPiece> piece{};
  while (unread_.find('\n') == std::string::npos) {
    const ssize_t size = ::read(answers_.get(), piece.data(), piece.size());
    if (size <= 0) break;
    unread_.append(piece.data(), static_cast<std::size_t>(size));
  }
  const std::string line = unread_.substr(0, unread_.find('\n'));
  unread_.erase(0, line.size() + 1);
  if (line.empty()) {
    throw Error(ErrorCode::io, name_ + " ended without an answer; its message is on stderr",
                {.expected = "a line of JSON", .actual = "nothing"});
  }
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (json.is_discarded()) {
    throw Error(ErrorCode::bad_file, name_ + " answered something else than JSON",
                {.expected = "a line of JSON", .actual = line});
  }
  return json;
}

int PeerProcess::finish() {
  if (process_ < 0) return 0;
  commands_.reset();
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

}  // namespace weft::bench
