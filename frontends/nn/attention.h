#pragma once
// Attention: sums of values, weighted by how well their keys fit a query.

#include <optional>
#include <string_view>
#include <tuple>

#include "weft/frontends/nn/dense.h"
#include "weft/graph/graph.h"

namespace weft::nn {

/// Which keys a query may look at. A query that may look at none gets zeros, and no gradient flows from it.
struct AttentionMask {
  bool causal = false;  // key j only if j <= i, for query i
  Value allowed{};      // bool, true where a query may look at a key; broadcasts to [..., queries, keys]
};

struct AttentionOptions {
  AttentionMask mask{};
  std::optional<double> scale{};  // of the products; 1 / sqrt(features) if empty
  double dropout = 0.0;           // of the weights; for training only; in [0, 1)
};

/// softmax(scale q k^T) v, over the keys (Vaswani et al., NIPS 2017): queries [..., n, features], keys [...,
/// m, features] and values [..., m, size] give [..., n, size], where `features` is a number. Leading axes
/// broadcast. What a mask rules out has weight 0 but must be finite. In f32 a result is within 1e-6 (1 + s)
/// of the largest |v|, where s is the largest sum of |scale q k|. Scores that are many,
/// or of unknown number, are not stored (ops/attention.h) unless there is dropout or a second derivative.
/// Errors: shape_mismatch, dtype_mismatch.
Value scaled_dot_product_attention(const Operand& queries, const Operand& keys, const Operand& values,
                                   const AttentionOptions& options = {});

struct MultiHeadAttentionOptions {
  bool bias = true;
  double dropout = 0.0;  // of the weights, in training
  Initializer weight_initializer = glorot_uniform();
};

/// Attention in `heads` subspaces side by side: queries, keys and values go through a dense layer each, are
/// cut into heads of features / heads, and what the heads give goes through a fourth dense layer (Vaswani et
/// al., NIPS 2017, section 3.2.2).
struct MultiHeadAttention {
  static constexpr std::string_view kind = "MultiHeadAttention";
  Dense query;
  Dense key;
  Dense value;
  Dense output;
  std::int64_t heads = 1;
  double dropout = 0.0;

  /// Self-attention: [batch, length, features] -> the same. The mask is [length, length] or [batch, length,
  /// length], or broadcasts to it: a mask [batch, length] of what is no padding is `expand_dims(mask, 1)`.
  /// Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x, const AttentionMask& mask = {}) const;
  /// From x [batch, n, features] to `memory` [batch, m, features]: [batch, n, features]. The mask broadcasts
  /// to [batch, n, m].
  Value operator()(const Operand& x, const Operand& memory, const AttentionMask& mask = {}) const;
  /// The same with dropout.
  Value train(const Operand& x, const AttentionMask& mask = {}) const;
  Value train(const Operand& x, const Operand& memory, const AttentionMask& mask = {}) const;
  auto layers() const { return std::tie(query, key, value, output); }
};

/// Its dense layers are "<name>/query", "<name>/key", "<name>/value" and "<name>/output". Throws
/// Error(invalid_argument) unless the heads divide the features and the dropout is in [0, 1).
MultiHeadAttention multi_head_attention(Graph& graph, std::string_view name, std::int64_t features,
                                        std::int64_t heads, DType dtype = f32,
                                        const MultiHeadAttentionOptions& options = {},
                                        Where where = Where::current());

}  // namespace weft::nn
