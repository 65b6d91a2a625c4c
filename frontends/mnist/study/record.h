#pragma once
// The record of each run of a study, and the file that holds them: one JSON object a line, so that an
// interrupted study can continue.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/run.h"

namespace weft::mnist {

/// Identifies a run. Two runs with equal keys give equal numbers, except times.
struct RunKey {
  std::string kind;             // "dialect", "swap", "peer", or "weft": weft at the job of the peers
  std::string series;           // the dialect's or the peer's name; for a swap, the dialect that it alters
  std::string variant{};        // for a swap, what is altered: "optimizer"
  std::string configuration{};  // its name
  std::uint64_t seed = 1;
  std::string recipe;  // fingerprint of the dialect's recipe; for a peer, its version

  auto operator<=>(const RunKey&) const = default;
};

/// What computed the run: "weft", or the name of the framework's program.
std::string engine_of(const RunKey& key);

struct Record {
  RunKey key;
  std::int64_t epochs = 0;
  Measured measured;
};

/// Throws Error(bad_file) with file and line for text that is not a record. Without the file there are no
/// records.
std::vector<Record> read_records(const std::filesystem::path& file);

/// Writes all records, atomically. Throws Error(io).
void write_records(const std::filesystem::path& file, const std::vector<Record>& records);

/// The same as a table with one row for each run, for spreadsheets.
std::string records_csv(const std::vector<Record>& records);

}  // namespace weft::mnist
