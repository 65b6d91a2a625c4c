#pragma once
// Data brought to one scale by a layer that is made of the training data. What it knows of them are states of
// the graph, so that they are saved with the model, and no optimizer moves them.

#include <string_view>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"

namespace weft::nn {

/// y = (x - shift) / scale for each feature, and back.
struct Normalizer {
  static constexpr std::string_view kind = "Normalizer";
  Value shift;  // [features]
  Value scale;  // [features]

  /// [..., features] of floats, or of integers, which count as floats of the layer's dtype. Errors:
  /// shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  /// y scale + shift: what a prediction in the scale of y means in that of x.
  Value inverse(const Operand& y) const;
  std::vector<Value> parameters() const { return {}; }
  std::vector<Value> buffers() const { return {shift, scale}; }
};

/// Mean 0 and variance 1 of each feature of `data`, f32, f64 or integers [n, features]; a feature that does
/// not vary is only shifted. States "<name>/shift" and "<name>/scale". Errors: shape_mismatch,
/// dtype_mismatch, invalid_argument without rows, numeric for a feature that is not finite.
Normalizer standardizer(Graph& graph, std::string_view name, const Tensor& data, DType dtype = f32,
                        const Where& where = Where::current());
/// The least of each feature becomes `low` and the largest `high`.
Normalizer min_max_scaler(Graph& graph, std::string_view name, const Tensor& data, double low = 0.0,
                          double high = 1.0, DType dtype = f32, const Where& where = Where::current());

}  // namespace weft::nn
