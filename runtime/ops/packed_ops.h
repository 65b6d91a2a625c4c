#pragma once
// Weights in the order in which a kernel reads them. Where they come from parameters and constants alone, the
// packing is hoisted (compile/hoist.h), so that it is done when a parameter has changed and not in each call.
// The compiler makes these ops.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/runtime/ops/image_ops.h"

namespace weft {

/// An order of elements in blocks. An axis is cut into blocks, which may be cut again; what is beyond its end
/// in the last block is filled with zeros.
struct BlockedOrder {
  std::vector<std::int64_t> sizes;       // of the axes
  std::vector<std::int64_t> strides;     // of each axis, between its outermost blocks
  std::vector<std::int64_t> blocks;      // nested: each is contiguous in the one before
  std::vector<std::int64_t> block_axes;  // the axis that each of them cuts
  std::int64_t elements = 0;             // zeros included

  friend bool operator==(const BlockedOrder&, const BlockedOrder&) = default;
};
std::string attribute_text(const BlockedOrder& order);

/// The elements of a weight in another order, as a vector.
struct PackWeights {
  static constexpr std::string_view name = "pack_weights";
  static constexpr Traits traits{.can_fail = false};
  BlockedOrder order;
  static constexpr auto attributes = weft::attributes(&PackWeights::order);
  TensorType infer(const TensorType& weight) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A convolution of filters that are packed; its pictures are [batch, channels, height, width], or with
/// `last` [batch, height, width, channels].
struct PackedConvolution {
  static constexpr std::string_view name = "packed_convolution";
  static constexpr Traits traits{.can_fail = false};
  Convolution convolution;
  bool last = false;
  Shape filters;              // before they were packed
  std::int64_t pictures = 1;  // the batch that the order was chosen for
  BlockedOrder order;
  static constexpr auto attributes =
      weft::attributes(&PackedConvolution::convolution, &PackedConvolution::last, &PackedConvolution::filters,
                       &PackedConvolution::pictures, &PackedConvolution::order);
  /// The convolution of filters as they were.
  Op unpacked() const;
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A product with a weight that is packed. Inputs are a, the weight and, if there is one, the bias.
struct PackedMatMul {
  static constexpr std::string_view name = "packed_matmul";
  static constexpr Traits traits{.can_fail = false};
  FusedMatMul product;
  Shape weight;            // before it was packed
  std::int64_t rows = 1;   // of the product that the order was chosen for
  std::int64_t terms = 1;  // that are added by one call; the weight is packed in such parts
  BlockedOrder order;
  static constexpr auto attributes =
      weft::attributes(&PackedMatMul::product, &PackedMatMul::weight, &PackedMatMul::rows,
                       &PackedMatMul::terms, &PackedMatMul::order);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

}  // namespace weft
