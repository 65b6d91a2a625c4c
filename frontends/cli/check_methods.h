#pragma once
// Small networks for `weft check`: one for each row of the tables of optimizers and schedules, and one with
// dropout.

#include <cstdint>
#include <vector>

#include "weft/frontends/verify/model_check.h"

namespace weft::cli {

/// A training function for each optimizer, one with an L2 penalty and faster biases, and one for each
/// schedule.
std::vector<verify::Model> optimizer_models(std::uint64_t seed);

/// Trains with dropout. Its random numbers come from a key that is fed, so they are the same in every run.
verify::Model dropout_model(std::uint64_t seed);

}  // namespace weft::cli
