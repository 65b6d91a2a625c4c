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

/// The same model, but all products that can skip the zeros of its data do so, as in training where that is
/// faster.
CheckedModel without_zeros(verify::Model model);

/// Small networks that together use every rule of fusion: dense ones with each activation, loss, optimizer
/// and schedule, a convolutional one with pooling and batch normalization, and networks that skip the zeros
/// of resident data, of fed bytes and of a fed sparse matrix.
std::vector<CheckedModel> small_models(std::uint64_t seed);

}  // namespace weft::cli
