#pragma once
// FTRL-Proximal, for linear models that are to be sparse.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct FtrlOptions {
  double l1 = 0.0;
  double l2 = 0.0;
  double beta = 1.0;
  double initial_sum = 0.0;  // the initial value of n; TensorFlow's is 0.1, with beta 0
};

/// n' = n + g^2, z <- z + g - (sqrt(n') - sqrt(n)) / lr p, n <- n', and
///   p <- 0 where |z| <= l1, else (sign(z) l1 - z) / ((beta + sqrt(n)) / lr + l2)
/// (McMahan et al., KDD 2013, algorithm 1; TensorFlow writes 2 l2 for l2). The method computes p from z alone
/// and so forgets the initial value of p, which is 0 in the paper. Slots "<p>/ftrl_n", "<p>/ftrl_z".
std::vector<Value> ftrl(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const FtrlOptions& options = {});

}  // namespace weft::optim
