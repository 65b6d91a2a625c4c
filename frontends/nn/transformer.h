#pragma once
// The layers of transformers (Vaswani et al., "Attention is all you need", NIPS 2017).

#include <string_view>
#include <tuple>

#include "weft/frontends/nn/attention.h"
#include "weft/frontends/nn/dense.h"
#include "weft/frontends/nn/norm.h"
#include "weft/graph/graph.h"
#include "weft/ops/activation.h"

namespace weft::nn {

struct TransformerOptions {
  std::int64_t heads = 8;
  std::int64_t inner = 2048;  // units of the dense layer between two others
  double dropout = 0.1;       // of attention weights, inner units and what is added to x, in training
  bool norm_first = false;    // true: x + f(norm(x)) (Xiong et al., ICML 2020); false: norm(x + f(x))
  double epsilon = 1e-5;      // of the norms
  Value (*activation)(const Operand& x) = relu;
};

/// Self-attention and two dense layers with an activation between them, each added to its input and
/// normalized, in PyTorch's order and with its defaults.
struct TransformerEncoderLayer {
  static constexpr std::string_view kind = "TransformerEncoderLayer";
  MultiHeadAttention attention;
  Dense widen;
  Dense narrow;
  LayerNorm attention_norm;
  LayerNorm dense_norm;
  TransformerOptions options;

  /// [batch, length, features] -> the same. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x, const AttentionMask& mask = {}) const;
  /// The same with dropout.
  Value train(const Operand& x, const AttentionMask& mask = {}) const;
  auto layers() const { return std::tie(attention, widen, narrow, attention_norm, dense_norm); }
};

/// Its parts are "<name>/attention", "<name>/widen", "<name>/narrow", "<name>/attention_norm" and
/// "<name>/dense_norm". Throws Error(invalid_argument) unless the heads divide the features and the dropout
/// is in [0, 1).
TransformerEncoderLayer transformer_encoder_layer(Graph& graph, std::string_view name, std::int64_t features,
                                                  const TransformerOptions& options = {}, DType dtype = f32,
                                                  Where where = Where::current());

/// The masks of a decoder layer: of the sequence that it decodes, by default causal, and of its memory.
struct DecoderMasks {
  AttentionMask own{.causal = true};
  AttentionMask memory{};
};

/// The same with attention to a memory, which is what an encoder made, in between.
struct TransformerDecoderLayer {
  static constexpr std::string_view kind = "TransformerDecoderLayer";
  MultiHeadAttention attention;
  MultiHeadAttention memory_attention;
  Dense widen;
  Dense narrow;
  LayerNorm attention_norm;
  LayerNorm memory_norm;
  LayerNorm dense_norm;
  TransformerOptions options;

  /// [batch, n, features] and a memory [batch, m, features] -> [batch, n, features]. Errors name the layer:
  /// shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x, const Operand& memory, const DecoderMasks& masks = {}) const;
  /// The same with dropout.
  Value train(const Operand& x, const Operand& memory, const DecoderMasks& masks = {}) const;
  auto layers() const {
    return std::tie(attention, memory_attention, widen, narrow, attention_norm, memory_norm, dense_norm);
  }
};

/// Its parts are those of an encoder layer, "<name>/memory_attention" and "<name>/memory_norm". Throws as
/// that.
TransformerDecoderLayer transformer_decoder_layer(Graph& graph, std::string_view name, std::int64_t features,
                                                  const TransformerOptions& options = {}, DType dtype = f32,
                                                  Where where = Where::current());

}  // namespace weft::nn
