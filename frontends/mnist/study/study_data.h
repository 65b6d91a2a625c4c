#pragma once
// The data that the study trains on and tests with.

#include <cstdint>
#include <string>

#include "weft/frontends/data/mnist.h"
#include "weft/frontends/mnist/mlp.h"
#include "weft/frontends/mnist/study/dialect.h"

namespace weft::mnist {

struct StudyData {
  data::Dataset train;
  data::Dataset test;
  PixelScale standard;  // mean and deviation of all training pixels
};

/// The data with the first `samples` training images, or with all if it is 0.
StudyData study_data(const data::Digits& digits, std::int64_t samples);

/// Mean and deviation of all pixels of images, u8 [n, pixels]; a deviation of 0 counts as 1.
PixelScale standard_scale(const Tensor& images);

/// How a dialect scales the pixels of these data.
PixelScale pixel_scale(const InputConfig& input, const StudyData& data);

/// The fingerprint of all pixels and labels.
std::string fingerprint_of(const StudyData& data);

}  // namespace weft::mnist
