#pragma once
// FTML, which follows the moving leader.

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct FtmlOptions {
  double beta1 = 0.6;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  // L2
};

/// With v <- b2 v + (1 - b2) g^2 and t the number of the step, from 1:
///   e = (1 - b1^t) / lr (sqrt(v / (1 - b2^t)) + eps), z <- b1 z + (1 - b1) g - (e - b1 d) p, d <- e, p <- -z
///   / d
/// (Zheng and Kwok, ICML 2017). Slots "<p>/ftml_v", "<p>/ftml_z" and "<p>/ftml_d".
std::vector<Value> ftml(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const FtmlOptions& options = {});

}  // namespace weft::optim
