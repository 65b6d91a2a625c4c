#pragma once
// Convolutions and poolings of pictures or volumes in another order than [batch, channels, height, width].
// The compiler makes them (see runtime/images).

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/ops/conv.h"
#include "weft/ops/pool.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {

/// One of the three ops of a convolution of pictures or volumes, with what is done to its result: a bias for
/// each filter, and an activation.
struct Convolution {
  Op op{Conv2d{}};
  bool bias = false;  // y alone: a third input [filters]
  Epilogue activation{};
  friend bool operator==(const Convolution&, const Convolution&) = default;
};
std::string attribute_text(const Convolution& convolution);

struct FusedConvolution {  // y = activation(conv(x, w) + bias)
  static constexpr std::string_view name = "fused_convolution";
  static constexpr Traits traits{.can_fail = false};
  Convolution convolution;
  static constexpr auto attributes = weft::attributes(&FusedConvolution::convolution);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The convolution with all of its pictures as [batch, height, width, channels]; weights stay as they are.
struct ChannelsLastConvolution {
  static constexpr std::string_view name = "channels_last_convolution";
  static constexpr Traits traits{.can_fail = false};
  Convolution convolution;
  static constexpr auto attributes = weft::attributes(&ChannelsLastConvolution::convolution);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The convolution with all of its pictures interleaved: [batch / lanes, height, width, channels, lanes], so
/// that the same element of `lanes` pictures lies side by side; weights stay as they are.
struct InterleavedConvolution {
  static constexpr std::string_view name = "interleaved_convolution";
  static constexpr Traits traits{.can_fail = false};
  Convolution convolution;
  std::int64_t lanes = 1;
  static constexpr auto attributes =
      weft::attributes(&InterleavedConvolution::convolution, &InterleavedConvolution::lanes);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A pooling of pictures, or the gradient of an average one.
struct Pooling {
  Op op{AvgPool2d{}};
  friend bool operator==(const Pooling&, const Pooling&) = default;
};
std::string attribute_text(const Pooling& pooling);

/// MaxPool2d, AvgPool2d or AvgPool2dGradient of pictures [batch, height, width, channels].
struct ChannelsLastPooling {
  static constexpr std::string_view name = "channels_last_pooling";
  static constexpr Traits traits{.row_wise = true, .can_fail = false};
  Pooling pooling;
  static constexpr auto attributes = weft::attributes(&ChannelsLastPooling::pooling);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The gradient of a MaxPool2d of pictures [batch, height, width, channels] of `shape`, from dy and its
/// index.
struct ChannelsLastMaxPoolGradient : Pool2dOptions {
  static constexpr std::string_view name = "channels_last_max_pool_gradient";
  static constexpr Traits traits{.row_wise = true, .can_fail = false};
  Shape shape;
  static constexpr auto attributes =
      weft::attributes(&ChannelsLastMaxPoolGradient::window, &ChannelsLastMaxPoolGradient::stride,
                       &ChannelsLastMaxPoolGradient::padding, &ChannelsLastMaxPoolGradient::dilation,
                       &ChannelsLastMaxPoolGradient::ceil_mode, &ChannelsLastMaxPoolGradient::shape);
  TensorType infer(const TensorType& dy, const TensorType& index) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The gradient of weights as a sum of terms: output i is that of the i-th of `terms` shards of the batch, of
/// which each has at least one picture.
struct WeightGradientTerms {
  static constexpr std::string_view name = "weight_gradient_terms";
  static constexpr Traits traits{.can_fail = false};
  Convolution convolution;
  std::int64_t terms = 1;
  static constexpr auto attributes =
      weft::attributes(&WeightGradientTerms::convolution, &WeightGradientTerms::terms);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// Which operands of a convolution are pictures.
struct ConvolutionPictures {
  bool a = true;
  bool b = false;
  bool result = true;
};
/// The convolution that an op is, plain or fused; nothing for another op.
std::optional<Convolution> plain_convolution(const Op& op);
/// Whether an op is one of the three.
bool is_convolution(const Op& op);
/// Whether it is the third of them.
bool is_weight_gradient(const Op& op);
ConvolutionPictures pictures_of(const Op& convolution);

/// The permutations of axes that make [batch, channels, height, width] [batch, height, width, channels], and
/// back.
std::vector<std::int64_t> order_with_channels_last(std::size_t rank);
std::vector<std::int64_t> order_with_channels_first(std::size_t rank);
TensorType channels_last(const TensorType& pictures);
TensorType channels_first(const TensorType& pictures);
/// Pictures [batch, channels, height, width] as [batch / lanes, height, width, channels, lanes], and back. A
/// batch of 1 stands for one of any size that it broadcasts to: [1, height, width, channels, 1].
TensorType interleaved(const TensorType& pictures, std::int64_t lanes);
TensorType deinterleaved(const TensorType& pictures);

// Compiled once, in image_ops.cpp.
extern template detail::Model detail::model_of(FusedConvolution);
extern template detail::Model detail::model_of(ChannelsLastConvolution);
extern template detail::Model detail::model_of(InterleavedConvolution);
extern template detail::Model detail::model_of(ChannelsLastPooling);
extern template detail::Model detail::model_of(ChannelsLastMaxPoolGradient);
extern template detail::Model detail::model_of(WeightGradientTerms);

}  // namespace weft
