#pragma once
// What the reference loop needs beside matrix products: casting pixels, bias and activation, softmax with its
// loss, column sums. Each is one pass over a block of rows, and each exists in AVX2 and in plain C++; the
// processor decides once. The functions allocate nothing, throw nothing and check nothing: the loop has
// checked indices and labels before. Different threads may work on different rows.

#include <cstdint>

namespace weft::bench {

enum class ReferenceActivation : std::uint8_t { relu, tanh, sigmoid };

/// Row-major f32 rows, `stride` floats apart. The stride is a multiple of 16, so a pass may run over the
/// padding up to the next multiple of 8 columns; nobody reads what is there.
struct ReferenceRows {
  float* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;

  ReferenceRows slice(std::int64_t begin, std::int64_t count) const {
    return {data + begin * stride, count, columns, stride};
  }
};

/// Images as bytes, `pixels` each, and a label for each.
struct ReferenceSamples {
  const std::uint8_t* images;
  const std::uint8_t* labels;
  std::int64_t pixels;
};

/// `index` holds one sample number for each row of the block.
struct ReferenceKernels {
  /// x[r] = images[index[r]] / 255
  void (*gather)(const ReferenceSamples& samples, const std::int32_t* index, ReferenceRows x);
  /// y = f(y + bias)
  void (*activate)(ReferenceActivation f, ReferenceRows y, const float* bias);
  /// d = d * f'(y), the slope taken from the output y
  void (*scale_by_slope)(ReferenceActivation f, ReferenceRows d, ReferenceRows y);
  /// z = softmax(z + bias) - one_hot(label); returns the sum of -log(softmax(z + bias)[label]) over the rows
  double (*softmax_loss)(const ReferenceSamples& samples, const std::int32_t* index, ReferenceRows z,
                         const float* bias);
  /// bias += scale * (sum of the rows of d)
  void (*add_column_sums)(ReferenceRows d, float scale, float* bias);
};

/// The fastest kernels that this processor runs.
const ReferenceKernels& reference_kernels();

/// Runs on any processor.
extern const ReferenceKernels kPortableReferenceKernels;
/// Needs AVX2 and FMA.
extern const ReferenceKernels kAvx2ReferenceKernels;

}  // namespace weft::bench
