#pragma once
// An LSTM over sequences of pictures, whose products are convolutions (Shi et al., NIPS 2015, without
// peepholes; Keras' ConvLSTM2D).

#include <cstdint>
#include <string_view>
#include <vector>

#include "weft/frontends/nn/initializers.h"
#include "weft/frontends/nn/recurrent.h"
#include "weft/graph/graph.h"
#include "weft/ops/conv.h"

namespace weft::nn {

struct ConvLstmOptions {
  Conv2dOptions sliding{};  // of the convolution of x; that of h has stride 1 and keeps the size
  bool same = true;         // whether same_padding() takes the place of the padding
  bool bias = true;
  bool reverse = false;         // from the last step to the first
  bool time_major = false;      // sequences are [length, batch, ...] in place of [batch, length, ...]
  std::int64_t checkpoint = 0;  // what the gradient keeps: see ScanOptions
  Initializer weight_initializer = glorot_uniform();
  Initializer recurrent_initializer = orthogonal();
  Initializer bias_initializer = zeros();
  double forget_bias = 1.0;  // what is added to the initial bias of f
};

/// c' = s(f) * c + s(i) * tanh(g), h' = s(o) * tanh(c'), where i, f, g and o are the quarters, along the
/// channels, of conv2d(x, W) + b + conv2d(h, U).
struct ConvLstm {
  static constexpr std::string_view kind = "ConvLstm";
  Value weight;            // [4 filters, channels, kernel height, kernel width]
  Value recurrent_weight;  // [4 filters, filters, kernel height, kernel width]
  Value bias;              // [4 filters]; empty without a bias
  ConvLstmOptions options;

  /// [batch, length, channels, height, width] -> [batch, length, filters, ...] as conv2d says of the last
  /// axes. Batch and length may be symbols. Errors name the layer: shape_mismatch, dtype_mismatch.
  Value operator()(const Operand& x) const { return run(x).outputs; }
  /// `start.states` are h and c, [batch, filters, ...]; Error(invalid_argument) for lengths.
  RecurrentResult run(const Operand& x, const RecurrentStart& start = {}) const;
  /// One step: x [batch, channels, height, width] and the states h and c give the next h and c.
  std::vector<Value> step(const Operand& x, const std::vector<Value>& states) const;
  std::vector<Value> parameters() const;
  std::int64_t filters() const;
};

/// A layer whose parameters are "<name>/weight", "<name>/recurrent_weight" and "<name>/bias".
ConvLstm convlstm(Graph& graph, std::string_view name, std::int64_t channels, std::int64_t filters,
                  const Size2d& kernel, DType dtype = f32, const ConvLstmOptions& options = {},
                  Where where = Where::current());

}  // namespace weft::nn
