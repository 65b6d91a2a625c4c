#include "weft/bench/reference_kernels.h"

#include <algorithm>
#include <cmath>

namespace weft::bench {
namespace {

float activation(ReferenceActivation f, float x) {
  switch (f) {
    case ReferenceActivation::relu:
      return std::max(x, 0.0F);
    case ReferenceActivation::tanh:
      return std::tanh(x);
    case ReferenceActivation::sigmoid:
      return 1.0F / (1.0F + std::exp(-x));
  }
  return x;
}

float slope(ReferenceActivation f, float y) {
  switch (f) {
    case ReferenceActivation::relu:
      return y > 0.0F ? 1.0F : 0.0F;
    case ReferenceActivation::tanh:
      return 1.0F - y * y;
    case ReferenceActivation::sigmoid:
      return y * (1.0F - y);
  }
  return 1.0F;
}

void gather(const ReferenceSamples& samples, const std::int32_t* index, ReferenceRows x) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const std::uint8_t* image = samples.images + index[r] * samples.pixels;
    float* out = x.data + r * x.stride;
    for (std::int64_t c = 0; c < x.columns; ++c) out[c] = static_cast<float>(image[c]) * (1.0F / 255.0F);
  }
}

void activate(ReferenceActivation f, ReferenceRows y, const float* bias) {
  for (std::int64_t r = 0; r < y.rows; ++r) {
    float* row = y.data + r * y.stride;
    for (std::int64_t c = 0; c < y.columns; ++c) row[c] = activation(f, row[c] + bias[c]);
  }
}

void scale_by_slope(ReferenceActivation f, ReferenceRows d, ReferenceRows y) {
  for (std::int64_t r = 0; r < d.rows; ++r) {
    float* row = d.data + r * d.stride;
    const float* out = y.data + r * y.stride;
    for (std::int64_t c = 0; c < d.columns; ++c) row[c] *= slope(f, out[c]);
  }
}

double softmax_loss(const ReferenceSamples& samples, const std::int32_t* index, ReferenceRows z,
                    const float* bias) {
  double loss = 0.0;
  for (std::int64_t r = 0; r < z.rows; ++r) {
    float* row = z.data + r * z.stride;
    const std::uint8_t label = samples.labels[index[r]];
    for (std::int64_t c = 0; c < z.columns; ++c) row[c] += bias[c];
    const float peak = *std::max_element(row, row + z.columns);
    const float wanted = row[label];
    float sum = 0.0F;
    for (std::int64_t c = 0; c < z.columns; ++c) sum += row[c] = std::exp(row[c] - peak);
    for (std::int64_t c = 0; c < z.columns; ++c) row[c] /= sum;
    row[label] -= 1.0F;
    loss += static_cast<double>(std::log(sum) + peak - wanted);
  }
  return loss;
}

void add_column_sums(ReferenceRows d, float scale, float* bias) {
  for (std::int64_t c = 0; c < d.columns; ++c) {
    float sum = 0.0F;
    for (std::int64_t r = 0; r < d.rows; ++r) sum += d.data[r * d.stride + c];
    bias[c] += scale * sum;
  }
}

}  // namespace

const ReferenceKernels kPortableReferenceKernels{.gather = gather,
                                                 .activate = activate,
                                                 .scale_by_slope = scale_by_slope,
                                                 .softmax_loss = softmax_loss,
                                                 .add_column_sums = add_column_sums};

const ReferenceKernels& reference_kernels() {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return avx2 ? kAvx2ReferenceKernels : kPortableReferenceKernels;
}

}  // namespace weft::bench
