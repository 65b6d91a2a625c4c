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

/// For each axis where its elements lie: that of an index is at the sum of the places of its parts.
using AxisPlaces = std::vector<std::int64_t>;
std::vector<AxisPlaces> places_of(const BlockedOrder& order);

/// A weight of a product that is packed: what it was before, and the product that the order was chosen for.
struct PackedWeight {
  Shape shape;
  std::int64_t rows = 1;   // of the product
  std::int64_t terms = 1;  // that are added by one call; the weight is packed in such parts
  BlockedOrder order{};

  bool is_packed() const { return order.elements > 0; }
  friend bool operator==(const PackedWeight&, const PackedWeight&) = default;
};
std::string attribute_text(const PackedWeight& weight);

/// The type and the elements of a weight as it was before it was packed. Throws where it is not.
TensorType unpacked_type(const PackedWeight& weight, const TensorType& packed);
Tensor unpacked(const PackedWeight& weight, const ConstArg& packed);

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

// Compiled once, in packed_ops.cpp.
extern template detail::Model detail::model_of(PackWeights);
extern template detail::Model detail::model_of(PackedConvolution);

}  // namespace weft
