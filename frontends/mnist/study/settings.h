#pragma once
// The settings of a study. They are written when it begins, and a resumed study uses the same.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/config/fields.h"

namespace weft::mnist {

struct StudySettings {
  std::int64_t epochs = 10;
  std::int64_t repeats = 3;  // seeds: seed, seed + 1, ...
  std::uint64_t seed = 1;
  std::int64_t samples = 0;  // training images; 0: all
  int threads = 1;
  std::vector<std::string> dialects{};        // files
  std::vector<std::string> configurations{};  // names
  bool swaps = true;                          // whether to pursue the open question (depth.h)
  bool peers = false;
  std::string data{};  // where the digits come from
  bool synthetic = false;
  std::string data_hash{};  // see fingerprint_of

  bool operator==(const StudySettings&) const = default;
  static constexpr auto fields = std::tuple(
      Field{"epochs", &StudySettings::epochs}, Field{"repeats", &StudySettings::repeats},
      Field{"seed", &StudySettings::seed}, Field{"samples", &StudySettings::samples},
      Field{"threads", &StudySettings::threads}, Field{"dialects", &StudySettings::dialects},
      Field{"configurations", &StudySettings::configurations}, Field{"swaps", &StudySettings::swaps},
      Field{"peers", &StudySettings::peers}, Field{"data", &StudySettings::data},
      Field{"synthetic", &StudySettings::synthetic}, Field{"data_hash", &StudySettings::data_hash});
};
static_assert(kListsEveryMember<StudySettings>);

/// Converts settings to JSON text and back; throws Error(bad_file) for text that is not such JSON.
std::string settings_text(const StudySettings& settings);
StudySettings read_settings(const std::filesystem::path& file);

}  // namespace weft::mnist
