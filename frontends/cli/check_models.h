#pragma once
// The training functions that `weft check` certifies.

#include <cstdint>
#include <vector>

#include "weft/frontends/mnist/training_config.h"
#include "weft/frontends/verify/model_check.h"

namespace weft::cli {

/// The training function of `weft train` for these flags, on `config.batch` random pictures.
verify::Model model_of_flags(const mnist::TrainingConfig& config);

/// A training function, and how it is compiled.
struct CheckedModel {
  verify::Model model;
  CompileOptions compile{};
};

/// The same with the zeros of its data skipped in every product that can, as training does where it pays.
CheckedModel without_zeros(verify::Model model);

/// Small networks that between them meet every rule of fusion: dense ones with each activation, loss,
/// optimizer and schedule, a convolutional one with pooling and batch normalization, and such as skip zeros
/// of resident data, of bytes and of a sparse matrix that they are fed.
std::vector<CheckedModel> small_models(std::uint64_t seed);

}  // namespace weft::cli
