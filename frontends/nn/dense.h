#pragma once
// Fully connected layers.

#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/nn/initializers.h"
#include "weft/frontends/nn/lazy.h"
#include "weft/graph/graph.h"
#include "weft/ops/sparse.h"

namespace weft::nn {

struct DenseOptions {
  bool bias = true;
  Initializer weight_initializer = glorot_uniform();
  Initializer bias_initializer = zeros();
};

/// y = x W + b with W [inputs, units] and b [units].
struct Dense {
  static constexpr std::string_view kind = "Dense";
  Value weight;
  Value bias;  // empty without a bias

  /// [..., inputs] -> [..., units]. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const;
  /// [rows, inputs] -> [rows, units]
  Value operator()(const SparseValue& x, Where where = Where::current()) const;
  std::vector<Value> parameters() const;
};

/// A dense layer whose parameters are "<name>/weight" and "<name>/bias".
Dense dense(Graph& graph, std::string_view name, std::int64_t inputs, std::int64_t units, DType dtype = f32,
            const DenseOptions& options = {}, Where where = Where::current());

/// The same; the first value that the layer is applied to decides the number of inputs and the dtype: `const
/// auto hidden = dense(graph, "hidden", 100);`. Applying it throws Error(shape_mismatch) unless the last axis
/// is a number.
Lazy<Dense> dense(Graph& graph, std::string_view name, std::int64_t units, const DenseOptions& options = {},
                  Where where = Where::current());

/// Builds a dense layer for x [..., inputs] and applies it: [..., units]. For a layer that is used once.
Value dense(const Operand& x, std::string_view name, std::int64_t units, const DenseOptions& options = {});

/// y[..., u] = a W[u] b + bias[u] with W [units, left, right] and bias [units] (PyTorch's Bilinear). In f32
/// the product is within (left + right + 4) 2^-24 of the sum of the absolute values of its terms.
struct Bilinear {
  static constexpr std::string_view kind = "Bilinear";
  Value weight;
  Value bias;  // empty without a bias

  /// [..., left] and [..., right] -> [..., units]. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& a, const Operand& b) const;
  std::vector<Value> parameters() const;
};

/// A bilinear layer whose parameters are "<name>/weight" and "<name>/bias".
Bilinear bilinear(Graph& graph, std::string_view name, std::int64_t left, std::int64_t right,
                  std::int64_t units, DType dtype = f32, const DenseOptions& options = {},
                  Where where = Where::current());

}  // namespace weft::nn
