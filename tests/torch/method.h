#pragma once
// The losses, optimizers and schedules of combinations.json, by weft's functions.

#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "weft/frontends/losses.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/tests/torch/network.h"

namespace weft::torch_test {

/// Targets that the loss of a combination accepts for predictions of these sizes: i64 labels or f64.
Tensor targets_for(const json& loss, const verify::Sizes& predictions, verify::SampleSource& source);

/// The mean loss; `weights` is empty, or one for each sample, or one for each class, as `weighted` says.
Value loss_of(const json& combination, const Value& predictions, const Value& targets, const Value& weights);

/// The updates of one step of training: penalties, clipping, schedule, accumulation and optimizer.
std::vector<Value> updates_of(const json& combination, std::span<const Value> parameters,
                              std::span<const Value> gradients);

}  // namespace weft::torch_test
