#pragma once
// Steps without a schedule of the rate: the weights that a loss sees lie between those that step and their
// average.

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct ScheduleFreeOptions {
  double beta = 0.9;          // how near the loss's weights are to the average
  double weight_decay = 0.0;  // L2, at the loss's weights
  std::int64_t warm_up = 0;   // steps in which the rate grows from 0
};

/// What steps are made of, and what predicts.
struct ScheduleFree {
  std::vector<Value> updates;
  std::vector<Value> averages;  // x, one for each parameter: what to evaluate and to save, see averages.h
};

/// z <- z - lr g, x <- (1 - c) x + c z with c the share of this step's lr^2 among those of all steps, p <- (1
/// - beta) z
/// + beta x (Defazio et al., "The road less scheduled", NeurIPS 2024: schedule-free SGD). Slots
/// "<p>/schedule_free_z" and "<p>/schedule_free_x", which both start as p. Errors: invalid_argument unless 0
/// <= beta < 1 and warm_up >= 0.
ScheduleFree schedule_free_sgd(std::span<const Value> parameters, std::span<const Value> gradients,
                               const Rate& rate, const ScheduleFreeOptions& options = {});

}  // namespace weft::optim
