#pragma once
// Convolutions by oneDNN: a primitive for one piece of a convolution or of one of its gradients, created once
// and held. Pictures come and go as plain [batch, channels, height, width] or [batch, height, width,
// channels], weights as [filters, channels / groups, kernel height, kernel width], volumes likewise with a
// depth; what oneDNN computes in another layout is reordered in scratch memory. Weights that stay the same
// may be packed once.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "weft/ops/conv.h"
#include "weft/runtime/machine/weight_order.h"

namespace weft {

enum class ConvKind : std::uint8_t { forward, input_gradient, weight_gradient };

/// A piece of y = conv2d(x, w), dx = conv2d_input_gradient(dy, w) or dw = conv2d_weight_gradient(x, dy), or
/// of those of volumes.
struct OneDnnConvSpec {
  ConvKind kind = ConvKind::forward;
  ConvSizes sizes;              // of the piece
  std::int64_t x_channels = 0;  // in all of x or dx, where the piece's channels lie side by side
  std::int64_t y_filters = 0;   // in all of y or dy, where the piece's filters lie side by side
  bool channels_last = false;   // whether the channels are the last axis of pictures
  bool bias = false;            // whether y has a bias for each filter added to it
  /// Whether the weights come in the order of packed_filters() for this spec with so many pictures; 0: they
  /// come plain.
  std::int64_t packed_for = 0;
};

/// The order in which oneDNN reads the weights of the first two kinds, whose axes are groups, where there are
/// several, filters, channels of a group and those of the kernel; nothing where it reads them plain, or where
/// it refuses the convolution.
std::optional<WeightOrder> packed_filters(const OneDnnConvSpec& spec);

/// Runs in the calling thread. One thread at a time may use an object; distinct objects are independent.
class OneDnnConv {
 public:
  /// Throws Error(unsupported) when oneDNN refuses.
  explicit OneDnnConv(const OneDnnConvSpec& spec);
  ~OneDnnConv();
  OneDnnConv(const OneDnnConv&) = delete;
  OneDnnConv& operator=(const OneDnnConv&) = delete;
  OneDnnConv(OneDnnConv&&) noexcept;
  OneDnnConv& operator=(OneDnnConv&&) noexcept;

  /// Scratch memory is aligned to 64 bytes.
  std::size_t scratch_bytes() const;
  /// Whether oneDNN computes it by its sgemm, during which signals must be blocked (see onednn.h).
  bool calls_gemm() const;
  /// The operands in the order of the op's inputs; each points at the piece's first element. `bias` is read
  /// where there is one.
  void run(const float* a, const float* b, const float* bias, float* result, std::byte* scratch);

 private:
  struct Primitive;
  std::unique_ptr<Primitive> primitive_;
};

}  // namespace weft
