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

/// Asks every program in the folder who it is, in the order of their names. No folder: none.
std::vector<Peer> find_peers(const std::filesystem::path& folder);

/// Every peer that is there on every configuration, seed after seed. They train with plain SGD, rate 0.1 and
/// batches of 64.
std::vector<PlannedRun> plan_peers(const std::vector<Peer>& peers,
                                   const std::vector<const Configuration*>& configurations,
                                   const StudySettings& settings);

/// Writes the data as MNIST's four files, for programs that read files. Throws Error(io).
void write_data(const StudyData& data, const std::filesystem::path& folder);

/// Runs one. Throws Error(io) when the program fails, and Error(bad_file) when it does not answer with what
/// was measured.
Measured run_peer(const Peer& peer, const PlannedRun& run, const StudySettings& settings,
                  const std::filesystem::path& data);

}  // namespace weft::mnist
