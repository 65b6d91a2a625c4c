#pragma once
// Normalization layers.

#include <string_view>
#include <vector>

#include "weft/frontends/nn/lazy.h"
#include "weft/graph/graph.h"

namespace weft::nn {

struct NormOptions {
  double epsilon = 1e-5;  // added to the variance
};

/// y = scale (x - mean) / sqrt(variance + eps) + shift, over the last axis of each sample (Ba, Kiros and
/// Hinton 2016). Squares are summed in f64, so that large numbers do not overflow. (x - mean) / deviation is
/// within 1e-6, relative to it or to 1, plus what an ulp of the mean is beside the deviation.
struct LayerNorm {
  static constexpr std::string_view kind = "LayerNorm";
  Value scale;  // [features], starts as 1
  Value shift;  // [features], starts as 0
  double epsilon = 1e-5;

  /// [..., features] -> [..., features]. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const { return {scale, shift}; }
};

/// Its parameters are "<name>/scale" and "<name>/shift".
LayerNorm layer_norm(Graph& graph, std::string_view name, std::int64_t features, DType dtype = f32,
                     const NormOptions& options = {}, Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of features and the dtype.
Lazy<LayerNorm> layer_norm(Graph& graph, std::string_view name, const NormOptions& options = {},
                           Where where = Where::current());

struct BatchNormOptions {
  std::int64_t axis =
      -1;                 // of the channels: -1 for [batch, features], 1 for [batch, channels, height, width]
  double momentum = 0.1;  // the weight of a batch in the running values
  double epsilon = 1e-5;  // added to the variance
  /// Training uses mean and variance of the rows of all ranks of the job (SessionOptions::communicator), so
  /// that they train as one process does on all of them. It takes three exchanges in each direction.
  bool all_ranks = false;
};

/// y = scale (x - mean) / sqrt(variance + eps) + shift for each channel, over all axes except the channels'
/// (Ioffe and Szegedy, ICML 2015). Training uses mean and variance of the batch; prediction uses the running
/// ones, which training updates (a batch without rows does not change them): r <- (1 - momentum) r + momentum
/// * (value of the batch), with the unbiased variance, as in PyTorch. Training is as accurate as LayerNorm;
/// prediction, a product and a sum for each element, is within (|x| + |mean|) / deviation * 3e-7. A running
/// variance that its dtype does not hold, in f32 of deviations above 1.8e19, is infinite, and the prediction
/// is then the shift.
struct BatchNorm {
  static constexpr std::string_view kind = "BatchNorm";
  Value scale;             // [channels], starts as 1
  Value shift;             // [channels], starts as 0
  Value running_mean;      // [channels], starts as 0; no optimizer moves it
  Value running_variance;  // [channels], starts as 1; no optimizer moves it
  BatchNormOptions options;

  /// Errors name the layer: shape_mismatch, dtype_mismatch.
  Trained train(const Operand& x) const;
  /// Applies the layer as in prediction.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const { return {scale, shift}; }
  std::vector<Value> buffers() const { return {running_mean, running_variance}; }
};

/// Its state is "<name>/scale", "<name>/shift", "<name>/running_mean" and "<name>/running_variance".
BatchNorm batch_norm(Graph& graph, std::string_view name, std::int64_t channels, DType dtype = f32,
                     const BatchNormOptions& options = {}, Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of channels and the dtype.
Lazy<BatchNorm> batch_norm(Graph& graph, std::string_view name, const BatchNormOptions& options = {},
                           Where where = Where::current());

}  // namespace weft::nn
