#include "weft/frontends/nn/attention.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "weft/frontends/nn/dropout.h"
#include "weft/graph/located.h"
#include "weft/ops/attention.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/softmax.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

void expect_vectors(const Operand& queries, const Operand& keys, const Operand& values) {
  constexpr std::string_view kName = "scaled_dot_product_attention";
  const TensorType& q = queries.value(kName).type();
  const TensorType& k = keys.value(kName).type();
  const TensorType& v = values.value(kName).type();
  const bool dtypes = is_float(q.dtype) && q.dtype == k.dtype && q.dtype == v.dtype;
  const auto from_end = [](const TensorType& x, std::size_t i) { return x.shape[x.shape.rank() - i]; };
  const bool shapes = q.shape.rank() >= 2 && k.shape.rank() >= 2 && v.shape.rank() >= 2 &&
                      from_end(q, 1) == from_end(k, 1) && from_end(k, 2) == from_end(v, 2) &&
                      from_end(q, 1).is_number();
  if (dtypes && shapes) return;
  throw Error(
      shapes ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
      "queries have as many features as keys, and there is a value for each key",
      {.op = std::string(kName),
       .expected = "f32 or f64 [..., n, features], [..., m, features] and [..., m, size], features a number",
       .actual = fmt::format("{}, {} and {}", to_string(q), to_string(k), to_string(v)),
       .where = to_string(queries.where())});
}

/// What a mask allows of the scores, bool; empty if it is all.
Value allowed_of(const Value& scores, const AttentionMask& mask) {
  if (!mask.causal) return mask.allowed;
  const Value past = expand_dims(positions(scores, -2), 1) >= positions(scores, -1);
  return mask.allowed.has_value() ? logical_and(mask.allowed, past) : past;
}

/// The shape of the products of queries and keys.
Shape scores_shape(const Shape& queries, const Shape& keys) {
  const auto leading = [](const Shape& shape) {
    return Shape(std::vector<Dim>(shape.begin(), shape.end() - 2));
  };
  std::vector<Dim> dims = broadcast(leading(queries), leading(keys)).dims();
  dims.push_back(queries[queries.rank() - 2]);
  dims.push_back(keys[keys.rank() - 2]);
  return Shape(std::move(dims));
}

void expect_mask(const Shape& queries, const Shape& keys, const AttentionMask& mask, const Where& where) {
  if (!mask.allowed.has_value()) return;
  const TensorType& type = mask.allowed.type();
  const bool is_bool = type.dtype == boolean;
  const auto [scores, fits] = located("scaled_dot_product_attention", where, [&] {
    const Shape shape = scores_shape(queries, keys);
    return std::pair{shape, broadcast(type.shape, shape) == shape};
  });
  if (is_bool && fits) return;
  throw Error(is_bool ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              "a mask says of each query and key whether they may meet",
              {.op = "scaled_dot_product_attention",
               .expected = fmt::format("bool{} or what broadcasts to it", to_string(scores)),
               .actual = to_string(type),
               .where = to_string(where)});
}

/// Whether ops on whole matrices of scores, which keep their weights for the gradient, are faster than the op
/// that computes them anew. Sizes that depend on symbols may be large.
// Measured on a Zen 5 with AVX-512, one thread, f32, times by the matrices over times by the op, a result and
// a training step: of 64 queries, keys and features 0.98 and 0.94, of 256 0.92 and 0.89, of 1,024 1.05 and
// 0.96, of 4,096 1.04 and 1.03; causal 0.97 and 0.90, 1.39 and 1.30, 2.1 and 1.9, 2.3 and 2.1. With 32
// features, where it is another number, 0.95 and 0.89 (256), 1.11 and 0.98, 1.15 and 1.15. An arena of 4,096
// is 4 MiB in place of 260.
bool is_small(const Shape& queries, const Shape& keys, bool causal) {
  constexpr std::int64_t kFewScores = std::int64_t{256} * 256;
  constexpr std::int64_t kFewCausalScores = std::int64_t{64} * 64;
  const Dim& n = queries[queries.rank() - 2];
  const Dim& m = keys[keys.rank() - 2];
  if (!n.is_number() || !m.is_number()) return false;
  const std::int64_t most = causal ? kFewCausalScores : kFewScores;
  return n.size() <= most && m.size() <= most && n.size() * m.size() <= most;
}

double lowest_of(DType dtype) {
  return dtype == f32 ? static_cast<double>(std::numeric_limits<float>::lowest())
                      : std::numeric_limits<double>::lowest();
}

void expect_sequence(const MultiHeadAttention& layer, const Operand& x) {
  const TensorType& type = x.value("multi_head_attention").type();
  const Value& weight =
      expect_value(layer.query.weight, "multi_head_attention", "the weight of the layer", x.where());
  const Dim& features = weight.shape()[0];
  expect_input("multi_head_attention", weight, type, type.shape.rank() == 3 && type.shape[2] == features,
               fmt::format("[batch, length, {}]", to_string(features)), x.where());
}

/// [batch, length, features] -> [batch, heads, length, features / heads]
Value into_heads(const Value& x, std::int64_t heads) {
  const Shape& shape = x.shape();
  const Value cut = reshape(x, Shape{shape[0], shape[1], heads, shape[2].size() / heads});
  return transpose(cut, {0, 2, 1, 3});
}

/// A mask [batch, n, m] for all heads.
AttentionMask for_heads(AttentionMask mask) {
  if (mask.allowed.has_value() && mask.allowed.shape().rank() == 3) {
    mask.allowed = expand_dims(mask.allowed, 1);
  }
  return mask;
}

Value attend(const MultiHeadAttention& layer, const Operand& x, const Operand& memory,
             const AttentionMask& mask, double dropout) {
  expect_sequence(layer, x);
  expect_sequence(layer, memory);
  const Scope origin(x.value().graph(), "", x.where());
  const Value q = into_heads(layer.query(x), layer.heads);
  const Value k = into_heads(layer.key(memory), layer.heads);
  const Value v = into_heads(layer.value(memory), layer.heads);
  const Value heads =
      scaled_dot_product_attention(q, k, v, {.mask = for_heads(mask), .scale = {}, .dropout = dropout});
  return layer.output(reshape(transpose(heads, {0, 2, 1, 3}), x.value().shape()));
}

}  // namespace

Value scaled_dot_product_attention(const Operand& queries, const Operand& keys, const Operand& values,
                                   const AttentionOptions& options) {
  expect_vectors(queries, keys, values);
  const Value q = queries.value();
  const Scope origin(q.graph(), "attention", queries.where());
  const double features = static_cast<double>(q.shape()[q.shape().rank() - 1].size());
  const double scale = options.scale.value_or(1.0 / std::sqrt(std::max(features, 1.0)));
  expect_mask(q.shape(), keys.value().shape(), options.mask, queries.where());
  if (options.dropout == 0.0 && !is_small(q.shape(), keys.value().shape(), options.mask.causal)) {
    const AttentionRule rule{.scale = scale, .causal = options.mask.causal};
    return attention(queries, keys, values, rule, options.mask.allowed).y;
  }
  const Value scores = matmul(q * scale, keys, false, true);
  const Value allowed = allowed_of(scores, options.mask);
  // The lowest number and not -infinity, since the softmax of a row of these has no value.
  const Value masked = allowed.has_value() ? where(allowed, scores, lowest_of(q.dtype())) : scores;
  const Value weights = softmax(masked);
  const Value y = matmul(options.dropout == 0.0 ? weights : dropout(weights, options.dropout), values);
  return options.mask.allowed.has_value() ? where(any(allowed, {-1}, true), y, 0.0) : y;
}

MultiHeadAttention multi_head_attention(Graph& graph, std::string_view name, std::int64_t features,
                                        std::int64_t heads, DType dtype,
                                        const MultiHeadAttentionOptions& options, Where where) {
  if (heads < 1 || features % heads != 0) {
    throw Error(ErrorCode::invalid_argument, "heads have equally many features",
                {.op = "multi_head_attention",
                 .node = std::string(name),
                 .expected = "heads that divide the features",
                 .actual = fmt::format("{} heads, {} features", heads, features),
                 .where = to_string(where)});
  }
  detail::expect_dropout_rate("multi_head_attention", options.dropout, where);
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  const auto part = [&](std::string_view of) {
    return dense(graph, of, features, features, dtype,
                 {.bias = options.bias, .weight_initializer = options.weight_initializer}, where);
  };
  return {.query = part("query"),
          .key = part("key"),
          .value = part("value"),
          .output = part("output"),
          .heads = heads,
          .dropout = options.dropout};
}

Value MultiHeadAttention::operator()(const Operand& x, const AttentionMask& mask) const {
  return attend(*this, x, x, mask, 0.0);
}
Value MultiHeadAttention::operator()(const Operand& x, const Operand& memory,
                                     const AttentionMask& mask) const {
  return attend(*this, x, memory, mask, 0.0);
}
Value MultiHeadAttention::train(const Operand& x, const AttentionMask& mask) const {
  return attend(*this, x, x, mask, dropout);
}
Value MultiHeadAttention::train(const Operand& x, const Operand& memory, const AttentionMask& mask) const {
  return attend(*this, x, memory, mask, dropout);
}

}  // namespace weft::nn
