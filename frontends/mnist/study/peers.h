#pragma once
// Other frameworks in the study, each through a program of its own (bench/peers/README.md describes what
// these understand and say).

#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/study.h"

namespace weft::mnist {

struct Peer {
  std::filesystem::path program;
  std::string name;   // the program's
  std::string title;  // the framework's
  std::string version;
  std::string absent;  // why it cannot run here; else empty
};

/// The name of a peer's series, which no recipe has: "pytorch itself".
std::string series_of(const Peer& peer);

/// Asks every program in the folder who it is, in the order of their names. No folder: none.
std::vector<Peer> find_peers(const std::filesystem::path& folder);

/// The name of the series in which weft does the job of the peers.
inline constexpr const char* kWeftItself = "weft itself";

/// Every peer that is there, and before them weft, on every configuration, seed after seed. They train with
/// plain SGD, rate 0.1 and batches of 64. No peer is there: no runs.
std::vector<PlannedRun> plan_peers(const std::vector<Peer>& peers,
                                   const std::vector<const Configuration*>& configurations,
                                   const StudySettings& settings);

/// Which of them ran themselves, and why others did not, a sentence each; `looked_in` is where programs were
/// looked for. Not asked for: that.
std::vector<std::string> framework_notes(const std::vector<Peer>& peers, bool asked,
                                         const std::vector<std::filesystem::path>& looked_in);

/// Writes the data as MNIST's four files, for programs that read files. Throws Error(io).
void write_data(const StudyData& data, const std::filesystem::path& folder);

/// Runs one. Throws Error(io) when the program fails, and Error(bad_file) when it does not answer with what
/// was measured.
Measured run_peer(const Peer& peer, const PlannedRun& run, const StudySettings& settings,
                  const std::filesystem::path& data);

}  // namespace weft::mnist
