#pragma once
// Layers without parameters for images [batch, channels, height, width].

#include <cstdint>
#include <string_view>

#include "weft/graph/graph.h"
#include "weft/ops/pool.h"
#include "weft/ops/resize.h"

namespace weft::nn {

struct Padding {
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;
};

/// Adds zeros around the last two axes: [..., h, w] -> [..., top + h + bottom, left + w + right]. Errors:
/// shape_mismatch for other ranks and symbolic sizes, invalid_argument for negative padding.
Value zero_padding(const Operand& x, const Padding& padding);

/// Repeats each element as a block: [..., h, w] -> [..., h * factor, w * factor]. Errors are as above.
Value upsample_nearest(const Operand& x, std::int64_t factor);

/// resize() to the sizes of the last two axes times `factor`, as a layer: `Upsample{2, {.mode =
/// ResizeMode::cubic}}`.
struct Upsample {
  static constexpr std::string_view kind = "Upsample";
  Size2d factor = 2;
  ResizeOptions options{};

  Value operator()(const Operand& x) const;
};

/// The mean over all axes after the first two: [batch, channels, ...] -> [batch, channels].
Value global_mean_pool(const Operand& x);
/// The largest element over all axes after the first two; ties share the gradient.
Value global_max_pool(const Operand& x);

/// Joins all axes except the first, as a layer: [batch, channels, height, width] -> [batch, features].
struct Flatten {
  static constexpr std::string_view kind = "Flatten";

  Value operator()(const Operand& x) const;
};

/// Pooling as layers: `MaxPool2d{{.window = 2}}`.
struct MaxPool2d {
  static constexpr std::string_view kind = "MaxPool2d";
  Pool2dOptions options{};

  Value operator()(const Operand& x) const;
};
struct AvgPool2d {
  static constexpr std::string_view kind = "AvgPool2d";
  Pool2dOptions options{};
  bool count_include_pad = true;

  Value operator()(const Operand& x) const;
};

}  // namespace weft::nn
