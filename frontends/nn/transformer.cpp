#include "weft/frontends/nn/transformer.h"

#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"

namespace weft::nn {
namespace {

/// What makes the parts of a transformer's layer.
struct PartMaker {
  Graph& graph;
  std::int64_t features = 0;
  const TransformerOptions& options;
  DType dtype = f32;
  Where where;

  MultiHeadAttention attention(std::string_view name) const {
    return multi_head_attention(graph, name, features, options.heads, dtype, {.dropout = options.dropout},
                                where);
  }
  Dense widen() const { return dense(graph, "widen", features, options.inner, dtype, {}, where); }
  Dense narrow() const { return dense(graph, "narrow", options.inner, features, dtype, {}, where); }
  LayerNorm norm(std::string_view name) const {
    return layer_norm(graph, name, features, dtype, {.epsilon = options.epsilon}, where);
  }
};

/// One sublayer f after another, each added to its input and normalized.
class Sublayers {
 public:
  Sublayers(const TransformerOptions& options, bool training, Operand x)
      : options_(options), training_(training), x_(std::move(x)) {}

  template <typename F>
  void add(const LayerNorm& norm, F f) {
    const Where where = x_.where();
    const Value next = options_.norm_first ? x_ + dropped(f(Operand(norm(x_), where)))
                                           : norm(Operand(x_ + dropped(f(x_)), where));
    x_ = Operand(next, where);
  }
  void add_dense(const LayerNorm& norm, const Dense& widen, const Dense& narrow) {
    add(norm,
        [&](const Operand& x) { return narrow(Operand(dropped(options_.activation(widen(x))), x.where())); });
  }
  Value result() const { return x_.value(); }

 private:
  Value dropped(const Value& y) const { return training_ ? dropout(y, options_.dropout) : y; }

  const TransformerOptions& options_;
  bool training_;
  Operand x_;
};

Value attended(const MultiHeadAttention& layer, bool training, const Operand& x, const Operand& memory,
               const AttentionMask& mask) {
  return training ? layer.train(x, memory, mask) : layer(x, memory, mask);
}

Value encoded(const TransformerEncoderLayer& layer, bool training, const Operand& x,
              const AttentionMask& mask) {
  const Scope origin(x.value("transformer_encoder_layer").graph(), "", x.where());
  Sublayers sublayers(layer.options, training, x);
  sublayers.add(layer.attention_norm,
                [&](const Operand& h) { return attended(layer.attention, training, h, h, mask); });
  sublayers.add_dense(layer.dense_norm, layer.widen, layer.narrow);
  return sublayers.result();
}

Value decoded(const TransformerDecoderLayer& layer, bool training, const Operand& x, const Operand& memory,
              const DecoderMasks& masks) {
  const Scope origin(x.value("transformer_decoder_layer").graph(), "", x.where());
  Sublayers sublayers(layer.options, training, x);
  sublayers.add(layer.attention_norm,
                [&](const Operand& h) { return attended(layer.attention, training, h, h, masks.own); });
  sublayers.add(layer.memory_norm, [&](const Operand& h) {
    return attended(layer.memory_attention, training, h, memory, masks.memory);
  });
  sublayers.add_dense(layer.dense_norm, layer.widen, layer.narrow);
  return sublayers.result();
}

}  // namespace

TransformerEncoderLayer transformer_encoder_layer(Graph& graph, std::string_view name, std::int64_t features,
                                                  const TransformerOptions& options, DType dtype,
                                                  Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  const PartMaker make{graph, features, options, dtype, where};
  return {.attention = make.attention("attention"),
          .widen = make.widen(),
          .narrow = make.narrow(),
          .attention_norm = make.norm("attention_norm"),
          .dense_norm = make.norm("dense_norm"),
          .options = options};
}

Value TransformerEncoderLayer::operator()(const Operand& x, const AttentionMask& mask) const {
  return encoded(*this, false, x, mask);
}
Value TransformerEncoderLayer::train(const Operand& x, const AttentionMask& mask) const {
  return encoded(*this, true, x, mask);
}

TransformerDecoderLayer transformer_decoder_layer(Graph& graph, std::string_view name, std::int64_t features,
                                                  const TransformerOptions& options, DType dtype,
                                                  Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  const PartMaker make{graph, features, options, dtype, where};
  return {.attention = make.attention("attention"),
          .memory_attention = make.attention("memory_attention"),
          .widen = make.widen(),
          .narrow = make.narrow(),
          .attention_norm = make.norm("attention_norm"),
          .memory_norm = make.norm("memory_norm"),
          .dense_norm = make.norm("dense_norm"),
          .options = options};
}

Value TransformerDecoderLayer::operator()(const Operand& x, const Operand& memory,
                                          const DecoderMasks& masks) const {
  return decoded(*this, false, x, memory, masks);
}
Value TransformerDecoderLayer::train(const Operand& x, const Operand& memory,
                                     const DecoderMasks& masks) const {
  return decoded(*this, true, x, memory, masks);
}

}  // namespace weft::nn
