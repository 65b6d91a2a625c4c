#pragma once
// What must be known to go on with a training or to use its model, and its form in a checkpoint.

#include <cstdint>

#include "weft/frontends/mnist/mlp.h"
#include "weft/frontends/train.h"

namespace weft::mnist {

struct TrainingConfig {
  MlpConfig model;
  OptimizerConfig optimizer;
  std::int64_t batch = 64;
  std::uint64_t seed = 1;
};

struct SavedTraining {
  TrainingConfig config;
  TrainPosition position;
};

/// As the text that a checkpoint carries.
Metadata to_metadata(const SavedTraining& saved);
/// Throws Error(bad_file) when the metadata are not those of such a training; `path` is for the message.
SavedTraining from_metadata(const Metadata& metadata, const std::string& path);

}  // namespace weft::mnist
