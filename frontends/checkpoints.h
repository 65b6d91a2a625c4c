#pragma once
// A folder of checkpoints of one training: "<name>-000012.safetensors" for step or epoch 12.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weft/runtime/session.h"

namespace weft {

struct CheckpointsOptions {
  std::string name = "checkpoint";  // what the files' names begin with
  std::int64_t keep = 5;            // how many of the latest stay; 0: all
  std::int64_t keep_every = 0;      // besides, those whose number is a multiple of it stay; 0: none
};

/// One training at a time writes to a folder of checkpoints of one name. Files of other names are left alone.
class Checkpoints {
 public:
  /// Makes the folder if it is not there. Errors: io; invalid_argument for an empty name, one with a slash,
  /// and negative numbers.
  explicit Checkpoints(std::filesystem::path folder, CheckpointsOptions options = {},
                       const Where& where = Where::current());

  /// Saves the whole session (Session::save), then removes what need not be kept. Returns the file. Throws
  /// Error(io), and Error(invalid_argument) for a negative number.
  std::filesystem::path save(Session& session, std::int64_t number, const Metadata& metadata = {});

  /// The numbers of the checkpoints that there are, ascending.
  std::vector<std::int64_t> numbers() const;
  std::filesystem::path path_of(std::int64_t number) const;
  /// The checkpoint with the highest number; nothing if there is none.
  std::optional<std::filesystem::path> latest() const;

 private:
  std::filesystem::path folder_;
  CheckpointsOptions options_;
};

}  // namespace weft
