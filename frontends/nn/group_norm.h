#pragma once
// Normalization of images and of features that needs no batch.

#include <string_view>
#include <vector>

#include "weft/frontends/nn/lazy.h"
#include "weft/frontends/nn/norm.h"
#include "weft/graph/graph.h"

namespace weft::nn {

/// y = scale (x - mean) / sqrt(variance + eps) + shift, with the moments of each sample and each of `groups`
/// groups of neighbouring channels, and a scale and a shift for each channel (Wu and He, ECCV 2018). As
/// accurate as LayerNorm.
struct GroupNorm {
  static constexpr std::string_view kind = "GroupNorm";
  Value scale;  // [channels], starts as 1
  Value shift;  // [channels], starts as 0
  std::int64_t groups = 1;
  double epsilon = 1e-5;

  /// [batch, channels, ...] -> the same. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const { return {scale, shift}; }
};

/// Its parameters are "<name>/scale" and "<name>/shift". Throws Error(invalid_argument) unless the groups
/// divide the channels.
GroupNorm group_norm(Graph& graph, std::string_view name, std::int64_t groups, std::int64_t channels,
                     DType dtype = f32, const NormOptions& options = {}, Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of channels and the dtype.
Lazy<GroupNorm> group_norm(Graph& graph, std::string_view name, std::int64_t groups,
                           const NormOptions& options = {}, Where where = Where::current());

/// The same with the moments of each sample and each channel (Ulyanov, Vedaldi and Lempitsky 2016). PyTorch's
/// has no scale and shift unless it is told affine=True.
struct InstanceNorm {
  static constexpr std::string_view kind = "InstanceNorm";
  Value scale;  // [channels], starts as 1
  Value shift;  // [channels], starts as 0
  double epsilon = 1e-5;

  /// [batch, channels, ...] -> the same, with at least three axes. Errors name the layer: shape_mismatch,
  /// dtype_mismatch.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const { return {scale, shift}; }
};

/// Its parameters are "<name>/scale" and "<name>/shift".
InstanceNorm instance_norm(Graph& graph, std::string_view name, std::int64_t channels, DType dtype = f32,
                           const NormOptions& options = {}, Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of channels and the dtype.
Lazy<InstanceNorm> instance_norm(Graph& graph, std::string_view name, const NormOptions& options = {},
                                 Where where = Where::current());

struct RmsNormOptions {
  double epsilon = 1e-6;  // added to the mean square
};

/// y = scale x / sqrt(mean(x^2) + eps) over the last axis (Zhang and Sennrich, NeurIPS 2019). Squares are
/// summed in f64, so that large numbers do not overflow; y is within 5e-7 of itself in f32.
struct RmsNorm {
  static constexpr std::string_view kind = "RmsNorm";
  Value scale;  // [features], starts as 1
  double epsilon = 1e-6;

  /// [..., features] -> [..., features]. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  std::vector<Value> parameters() const { return {scale}; }
};

/// Its parameter is "<name>/scale".
RmsNorm rms_norm(Graph& graph, std::string_view name, std::int64_t features, DType dtype = f32,
                 const RmsNormOptions& options = {}, Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of features and the dtype.
Lazy<RmsNorm> rms_norm(Graph& graph, std::string_view name, const RmsNormOptions& options = {},
                       Where where = Where::current());

}  // namespace weft::nn
