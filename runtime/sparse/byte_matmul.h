#pragma once
// The op that replaces products with bytes that are fed or computed: a run looks for their zeros. It is an
// ordinary op with a reference kernel; the compiler makes it, see skip_zeros.h.

#include "weft/runtime/ops/fused_ops.h"

namespace weft {

/// y = activation(scale * x w + bias), x u8 [m, k]. Inputs: x, w f32 [k, n], bias [n] if it has one. A zero
/// counts as absent: 0 times infinity may be 0 here.
struct ByteMatMul {
  static constexpr std::string_view name = "byte_matmul";
  static constexpr Traits traits{.can_fail = false};
  double scale = 1.0;
  bool bias = false;
  Epilogue activation;
  static constexpr auto attributes =
      weft::attributes(&ByteMatMul::scale, &ByteMatMul::bias, &ByteMatMul::activation);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

}  // namespace weft
