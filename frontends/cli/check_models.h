#pragma once
// The training functions that `weft check` certifies.

#include <cstdint>
#include <vector>

#include "weft/frontends/mnist/training_config.h"
#include "weft/frontends/proof/model_check.h"

namespace weft::cli {

/// The training function of `weft train` for these flags, on `config.batch` random pictures.
proof::Model model_of_flags(const mnist::TrainingConfig& config);

/// Small networks that between them meet every rule of fusion: dense ones with each activation and optimizer,
/// a convolutional one with pooling and batch normalization, and one that is fed a sparse matrix.
std::vector<proof::Model> small_models(std::uint64_t seed);

}  // namespace weft::cli
