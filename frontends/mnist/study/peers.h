#pragma once
// Other frameworks in the study, each by a program of its own (bench/peers/README.md describes their
// arguments and output).

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
  std::string absent;  // why it cannot run here; empty if it can
};

/// The name of a peer's series, "pytorch itself"; no recipe has such a name.
std::string series_of(const Peer& peer);

/// Asks every program in the folder for its name and version, in the order of their file names. Without the
/// folder there are none.
std::vector<Peer> find_peers(const std::filesystem::path& folder);

/// The name of the series in which weft does the peers' job.
inline constexpr const char* kWeftItself = "weft itself";

/// Runs of weft and then of every peer that can run here, on every configuration, seed after seed. They train
/// with plain SGD, rate 0.1 and batches of 64. Without peers there are no runs.
std::vector<PlannedRun> plan_peers(const std::vector<Peer>& peers,
                                   const std::vector<const Configuration*>& configurations,
                                   const StudySettings& settings);

/// A sentence for each framework: that it ran itself, or why it did not; `looked_in` is the folder that was
/// searched. If peers were not `asked` for, it says that.
std::vector<std::string> framework_notes(const std::vector<Peer>& peers, bool asked,
                                         const std::vector<std::filesystem::path>& looked_in);

/// Writes the data as MNIST's four files, for programs that read files. Throws Error(io).
void write_data(const StudyData& data, const std::filesystem::path& folder);

/// Runs one peer. Throws Error(io) when the program fails, and Error(bad_file) when its answer is not a
/// measurement.
Measured run_peer(const Peer& peer, const PlannedRun& run, const StudySettings& settings,
                  const std::filesystem::path& data);

}  // namespace weft::mnist
