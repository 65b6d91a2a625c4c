#pragma once
// Initial values of particular layers (Caffe's fillers beside those of initializers.h).

#include "weft/frontends/nn/initializers.h"

namespace weft::nn {

/// Numbers that are not negative and add up to 1 for each unit: U[0, 1) divided by its sum over all axes but
/// the first for a shape of more than two axes [units, ...], or over the first for [inputs, units] (Caffe's
/// positive_unitball).
Initializer positive_unit_ball();
/// The weights with which a transposed convolution of stride s, kernel 2 s - s % 2 and padding (s - 1) / 2
/// rounded up enlarges pictures linearly: the same for all [channels, filters / groups, height, width]
/// (Caffe's bilinear; Long, Shelhamer and Darrell, CVPR 2015). Error(shape_mismatch) unless there are four
/// axes, of which the last two are equal.
Initializer bilinear_filter();

}  // namespace weft::nn
