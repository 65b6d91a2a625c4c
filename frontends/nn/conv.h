#pragma once
// Layers over pictures [batch, channels, height, width].

#include <string_view>
#include <vector>

#include "weft/frontends/nn/initializers.h"
#include "weft/frontends/nn/lazy.h"
#include "weft/graph/graph.h"
#include "weft/ops/conv.h"

namespace weft::nn {

/// How a convolution layer slides its filters, and how its parameters start. For initializers fan_in is
/// channels / groups * kernel height * kernel width, and fan_out is filters / groups * kernel height * kernel
/// width.
struct Conv2dLayerOptions {
  Conv2dOptions sliding{};
  bool bias = true;
  Initializer weight_initializer = glorot_uniform();
  Initializer bias_initializer = zeros();
};

/// y = conv2d(x, W) + b with W [filters, channels / groups, kernel height, kernel width] and b [filters].
struct Conv2dLayer {
  static constexpr std::string_view kind = "Conv2d";
  Value weight;
  Value bias;  // empty without a bias
  Conv2dOptions sliding{};

  /// [batch, channels, height, width] -> [batch, filters, ...] as conv2d says. Errors name the layer:
  /// shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const;
};

/// A convolution layer whose parameters are "<name>/weight" and "<name>/bias". Throws Error(invalid_argument)
/// for groups that do not divide the channels and the filters.
Conv2dLayer conv2d(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                   const Size2d& kernel, DType dtype = f32, const Conv2dLayerOptions& options = {},
                   Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of channels and the dtype.
Lazy<Conv2dLayer> conv2d(Graph& graph, std::string_view name, std::int64_t filters, const Size2d& kernel,
                         const Conv2dLayerOptions& options = {}, Where where = Where::current());

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
