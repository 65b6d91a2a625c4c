#pragma once
// The other frameworks, each behind an adapter of its own: a program that bench/peers/README.md specifies.

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace weft::bench {

/// Variables of the environment, which a framework reads when it loads.
using Environment = std::map<std::string, std::string>;

struct PeerDescription {
  std::filesystem::path program;
  std::string framework;
  std::string version;
  std::string absent{};  // why it cannot run here; empty where it can
  std::vector<Environment> settings{};
};

/// "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=2"
std::string to_string(const Environment& environment);

/// What an adapter says of itself. An adapter that fails to answer is absent, with the reason.
PeerDescription describe_peer(const std::filesystem::path& program);
/// Every adapter in a folder, by name; none where there is no such folder.
std::vector<PeerDescription> find_peers(const std::filesystem::path& folder);

/// A running adapter, which answers line by line. It ends with this object. Throws Error(io) where it cannot
/// be started or has ended, Error(bad_file) for an answer that is no JSON.
class PeerProcess {
 public:
  PeerProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
              const Environment& environment);
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  ~PeerProcess();

  nlohmann::json ask(const std::string& command);
  /// The next line that it prints.
  nlohmann::json read();
  /// Closes its stdin and gives its exit code; it takes no more commands.
  int finish();

 private:
  /// A file descriptor that is closed with its owner.
  class Descriptor {
   public:
    Descriptor() = default;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }
    void reset(int number = -1);
    int get() const { return number_; }

   private:
    int number_ = -1;
  };

  std::string name_;
  pid_t process_ = -1;
  Descriptor commands_;
  Descriptor answers_;
  std::string unread_;
};

}  // namespace weft::bench
