#pragma once
// What a node that is a convolution, or one of its gradients, computes: which of the three, and its numbers.

#include <optional>

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/machine/onednn_conv.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {

struct ConvSpec {
  ConvKind kind = ConvKind::forward;
  ConvSizes sizes;
};

/// Nothing for a node of another kind. Its pictures are [batch, channels, height, width].
std::optional<ConvSpec> conv_spec(const KernelSite& site);

/// The same for a site whose pictures lie in another order; `plain` gives the type that they have as [batch,
/// channels, height, width].
std::optional<ConvSpec> conv_spec(const Op& convolution, const KernelSite& site,
                                  TensorType (*plain)(const TensorType& pictures));

/// What is done to the result of a convolution: nothing where it is a gradient.
struct ConvEnd {
  bool bias = false;  // the third input
  bool rectified = false;
};
/// Nothing where there is an activation that the kernels of convolutions do not compute.
std::optional<ConvEnd> conv_end(const Convolution& convolution);
/// Whether they compute this elementwise op on their result.
bool can_finish_convolution(const Op& op);

/// Multiplications and additions of the whole convolution.
double conv_flops(const ConvSizes& sizes);

}  // namespace weft
