#pragma once
// Adam and its relatives. In all of them t is the number of the step, from 1, kept in "<method>/step", and
//   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   mhat = m / (1 - b1^t),   vhat = v / (1 - b2^t).

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  // L2 for adam: added to the gradient; decoupled for adamw
  bool amsgrad = false;       // vhat is computed from the largest v so far
  /// Whether m, v and p of a table whose gradient comes from look-ups alone change in the rows of the batch
  /// and in no others. A step then costs as much as its rows; but it is another method, since the averages of
  /// other rows neither decay nor move their weights (PyTorch's SparseAdam, TensorFlow Addons' LazyAdam). A
  /// weight decay of `adam` also comes to these rows only; that of `adamw` comes to all.
  bool lazy_rows = false;
};

/// p <- p - lr mhat / (sqrt(vhat) + eps) (Kingma and Ba, ICLR 2015); AMSGrad: Reddi, Kale and Kumar, ICLR
/// 2018. Slots "<p>/adam_m", "<p>/adam_v", "<p>/adam_v_max".
std::vector<Value> adam(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const AdamOptions& options = {});

/// Adam with p <- p - lr decay p beside its step (Loshchilov and Hutter, ICLR 2019). PyTorch's default decay
/// is 0.01.
std::vector<Value> adamw(std::span<const Value> parameters, std::span<const Value> gradients,
                         const Rate& rate, const AdamOptions& options = {.weight_decay = 0.01});

struct AdamaxOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  // L2
};

/// u <- max(b2 u, |g| + eps), p <- p - lr mhat / u (Kingma and Ba, ICLR 2015, algorithm 2; PyTorch's place
/// for eps). Slots "<p>/adamax_m", "<p>/adamax_u".
std::vector<Value> adamax(std::span<const Value> parameters, std::span<const Value> gradients,
                          const Rate& rate, const AdamaxOptions& options = {});

struct NadamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;      // L2
  double momentum_decay = 0.004;  // Keras and PyTorch; 0 still halves the momentum
};

/// With mu_t = b1 (1 - 0.96^(t decay) / 2) and M_t = mu_1 ... mu_t:
///   p <- p - lr ((1 - mu_t) / (1 - M_t) g + mu_t+1 / (1 - M_t+1) m) / (sqrt(vhat) + eps)
/// (Dozat, ICLR workshop 2016). Slots "<p>/nadam_m", "<p>/nadam_v", "nadam/mu_product" (M).
std::vector<Value> nadam(std::span<const Value> parameters, std::span<const Value> gradients,
                         const Rate& rate, const NadamOptions& options = {});

struct LambOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-6;
  double weight_decay = 0.0;  // within the step that is scaled
};

/// With r = mhat / (sqrt(vhat) + eps) + decay p: p <- p - lr |p| / |r| r, for batches of thousands; the
/// factor |p| / |r| is 1 where one of the norms is 0 (You et al., ICLR 2020). Slots "<p>/lamb_m",
/// "<p>/lamb_v".
std::vector<Value> lamb(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const LambOptions& options = {});

}  // namespace weft::optim
