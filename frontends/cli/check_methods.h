#pragma once
// Small networks trained by everything that the tables of optimizers and schedules offer, and with dropout,
// for `weft check`.

#include <cstdint>
#include <vector>

#include "weft/frontends/verify/model_check.h"

namespace weft::cli {

/// A training function for each optimizer, one with penalty and faster biases, and one for each schedule.
std::vector<verify::Model> optimizer_models(std::uint64_t seed);

/// Trains with dropout, whose random numbers come from a key that is fed: the same in every run.
verify::Model dropout_model(std::uint64_t seed);

}  // namespace weft::cli
