#pragma once
// The ops that initializers need besides those in ops/. They run once, when a session starts.

#include "weft/graph/op.h"
#include "weft/ops/elementwise.h"

namespace weft::nn {

struct TruncatedNormal {  // y = Phi^-1(Phi(-2) + x (Phi(2) - Phi(-2))) = sqrt(2) erf^-1((2x - 1)
                          // erf(sqrt(2)))
  static constexpr std::string_view name = "truncated_normal";
  static constexpr Traits traits{.elementwise = true, .can_fail = false};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its input is random"};
};

struct Orthonormal {  // the Q of a QR decomposition of x [m, n], or of its transpose where m < n
  static constexpr std::string_view name = "orthonormal";
  static constexpr Traits traits{.can_fail = false};
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its input is random"};
};

}  // namespace weft::nn
