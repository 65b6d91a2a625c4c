#pragma once
// Layers over signals [batch, channels, width], pictures [batch, channels, height, width] and volumes
// [batch, channels, depth, height, width].

#include <string_view>
#include <vector>

#include "weft/frontends/nn/initializers.h"
#include "weft/frontends/nn/lazy.h"
#include "weft/graph/graph.h"
#include "weft/ops/conv.h"

namespace weft::nn {

/// How a convolution layer slides its filters, and how its parameters start. For initializers fan_in is
/// channels / groups * elements of a kernel, and fan_out is filters / groups * elements of a kernel.
template <std::size_t Axes>
struct ConvLayerOptions {
  ConvOptions<Axes> sliding{};
  bool same = false;  // whether same_padding() of what the layer is applied to takes the place of the padding
  bool bias = true;
  Initializer weight_initializer = glorot_uniform();
  Initializer bias_initializer = zeros();
};
using Conv1dLayerOptions = ConvLayerOptions<1>;
using Conv2dLayerOptions = ConvLayerOptions<2>;
using Conv3dLayerOptions = ConvLayerOptions<3>;

/// y = conv2d(x, W) + b with W [filters, channels / groups, kernel height, kernel width] and b [filters];
/// likewise for signals and volumes.
template <std::size_t Axes>
struct ConvLayer {
  static constexpr std::string_view kind = Axes == 1 ? "Conv1d" : Axes == 2 ? "Conv2d" : "Conv3d";
  Value weight;
  Value bias;  // empty without a bias
  ConvOptions<Axes> sliding{};
  bool same = false;

  /// [batch, channels, height, width] -> [batch, filters, ...] as conv2d says. Errors name the layer:
  /// shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const;
};
using Conv1dLayer = ConvLayer<1>;
using Conv2dLayer = ConvLayer<2>;
using Conv3dLayer = ConvLayer<3>;

/// A convolution layer whose parameters are "<name>/weight" and "<name>/bias". Throws Error(invalid_argument)
/// for groups that do not divide the channels and the filters.
Conv1dLayer conv1d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size1d& kernel, DType dtype = f32, const Conv1dLayerOptions& options = {},
                   Where where = Where::current());
Conv2dLayer conv2d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size2d& kernel, DType dtype = f32, const Conv2dLayerOptions& options = {},
                   Where where = Where::current());
Conv3dLayer conv3d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size3d& kernel, DType dtype = f32, const Conv3dLayerOptions& options = {},
                   Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of channels and the dtype.
Lazy<Conv1dLayer> conv1d(Graph& graph, std::string_view name, std::int64_t filters, const Size1d& kernel,
                         const Conv1dLayerOptions& options = {}, Where where = Where::current());
Lazy<Conv2dLayer> conv2d(Graph& graph, std::string_view name, std::int64_t filters, const Size2d& kernel,
                         const Conv2dLayerOptions& options = {}, Where where = Where::current());
Lazy<Conv3dLayer> conv3d(Graph& graph, std::string_view name, std::int64_t filters, const Size3d& kernel,
                         const Conv3dLayerOptions& options = {}, Where where = Where::current());

/// The options of a transposed convolution layer. For initializers fan_in and fan_out are as above.
template <std::size_t Axes>
struct ConvTransposeLayerOptions {
  ConvTransposeOptions<Axes> sliding{};
  bool bias = true;
  Initializer weight_initializer = glorot_uniform();
  Initializer bias_initializer = zeros();
};

/// y = conv_transpose2d(x, W) + b with W [channels, filters / groups, kernel height, kernel width] and b
/// [filters]; likewise for signals and volumes.
template <std::size_t Axes>
struct ConvTransposeLayer {
  static constexpr std::string_view kind = Axes == 1   ? "ConvTranspose1d"
                                           : Axes == 2 ? "ConvTranspose2d"
                                                       : "ConvTranspose3d";
  Value weight;
  Value bias;  // empty without a bias
  ConvTransposeOptions<Axes> sliding{};

  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const;
};

/// A transposed convolution layer; parameters and errors are as in conv2d().
ConvTransposeLayer<1> conv_transpose1d(Graph& graph, std::string_view name, std::int64_t channels,
                                       std::int64_t filters, const Size1d& kernel, DType dtype = f32,
                                       const ConvTransposeLayerOptions<1>& options = {},
                                       Where where = Where::current());
ConvTransposeLayer<2> conv_transpose2d(Graph& graph, std::string_view name, std::int64_t channels,
                                       std::int64_t filters, const Size2d& kernel, DType dtype = f32,
                                       const ConvTransposeLayerOptions<2>& options = {},
                                       Where where = Where::current());
ConvTransposeLayer<3> conv_transpose3d(Graph& graph, std::string_view name, std::int64_t channels,
                                       std::int64_t filters, const Size3d& kernel, DType dtype = f32,
                                       const ConvTransposeLayerOptions<3>& options = {},
                                       Where where = Where::current());

/// A convolution of each channel alone, with `multiplier` filters for each: conv2d() of as many groups as
/// there are channels. `options.sliding.groups` does not count.
Conv2dLayer depthwise_conv2d(Graph& graph, std::string_view name, std::int64_t channels, const Size2d& kernel,
                             std::int64_t multiplier = 1, DType dtype = f32,
                             const Conv2dLayerOptions& options = {}, Where where = Where::current());

/// A depthwise convolution without a bias, and one of 1x1 kernels after it (Chollet, CVPR 2017).
struct SeparableConv2dLayer {
  static constexpr std::string_view kind = "SeparableConv2d";
  Conv2dLayer depthwise;
  Conv2dLayer pointwise;

  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const;
};
/// The options are those of the depthwise layer, with the bias of the other one. Parameters are
/// "<name>/depthwise/weight", "<name>/pointwise/weight" and "<name>/pointwise/bias".
SeparableConv2dLayer separable_conv2d(Graph& graph, std::string_view name, std::int64_t channels,
                                      std::int64_t filters, const Size2d& kernel, std::int64_t multiplier = 1,
                                      DType dtype = f32, const Conv2dLayerOptions& options = {},
                                      Where where = Where::current());

struct LocalResponseNormOptions {
  std::int64_t size = 5;  // channels in a window, odd
  double alpha = 1e-4;
  double beta = 0.75;
  double k = 1.0;
};

/// y = x / (k + alpha / size * s)^beta, where s is the sum of x^2 over the `size` channels around each one:
/// normalization across channels (Krizhevsky, Sutskever and Hinton, NeurIPS 2012, with Caffe's alpha / size).
/// Right for |x| sqrt(alpha / k) up to 1e36. Errors: invalid_argument for a size that is even or below 1, and
/// for a negative alpha or k; shape_mismatch unless x has four axes.
Value local_response_norm(const Operand& x, const LocalResponseNormOptions& options = {});

}  // namespace weft::nn
