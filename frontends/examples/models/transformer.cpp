// A language model over characters: a decoder of two blocks with causal attention (Vaswani et al., NeurIPS
// 2017), normalized before each part (Xiong et al., ICML 2020).

#include <cmath>
#include <limits>

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {
namespace {

constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kLength = 64;
constexpr std::int64_t kWidth = 128;
constexpr std::int64_t kHeads = 4;
constexpr std::int64_t kLetters = 65;

/// 0 where a character may be looked at from another, and -inf where it comes later.
Tensor causal_mask() {
  Tensor mask = Tensor::zeros(f32, {kLength, kLength});
  const auto numbers = mask.mutable_values<float>();
  for (std::int64_t from = 0; from < kLength; ++from) {
    for (std::int64_t to = from + 1; to < kLength; ++to)
      numbers[static_cast<std::size_t>(from * kLength + to)] = -std::numeric_limits<float>::infinity();
  }
  return mask;
}

struct Attention {
  nn::Dense mixed;  // queries, keys and values
  nn::Dense out;
  Value mask;

  auto layers() const { return std::tie(mixed, out); }

  Value operator()(const Value& x) const {
    const Value all = reshape(mixed(x), Shape{kBatch, kLength, 3, kHeads, kWidth / kHeads});
    const auto part = [&](std::int64_t i) {  // [batch, heads, length, width of a head]
      return transpose(squeeze(slice(all, 2, i, i + 1), 2), {0, 2, 1, 3});
    };
    const double scale = 1.0 / std::sqrt(static_cast<double>(kWidth / kHeads));
    const Value scores = matmul(part(0), part(1), false, true) * scale + mask;
    const Value seen = transpose(matmul(softmax(scores), part(2)), {0, 2, 1, 3});
    return out(reshape(seen, Shape{kBatch, kLength, kWidth}));
  }
};

struct Decoder {
  nn::LayerNorm first;
  Attention attention;
  nn::LayerNorm second;
  nn::Dense wide;
  nn::Dense narrow;

  auto layers() const { return std::tie(first, attention, second, wide, narrow); }

  Value operator()(const Value& x) const {
    const Value h = x + attention(first(x));
    return h + narrow(gelu(wide(second(h))));
  }
};

Decoder decoder(Graph& graph, const std::string& name, const Value& mask) {
  return {.first = nn::layer_norm(graph, name + "/first", kWidth),
          .attention = {.mixed = nn::dense(graph, name + "/mixed", kWidth, 3 * kWidth),
                        .out = nn::dense(graph, name + "/out", kWidth, kWidth),
                        .mask = mask},
          .second = nn::layer_norm(graph, name + "/second", kWidth),
          .wide = nn::dense(graph, name + "/wide", kWidth, 4 * kWidth),
          .narrow = nn::dense(graph, name + "/narrow", 4 * kWidth, kWidth)};
}

}  // namespace

Model character_transformer() {
  Model model;
  Graph& graph = *model.graph;
  const Value text = input(graph, "text", i64, {kBatch, kLength});
  const Value next = input(graph, "next", i64, {kBatch, kLength});
  const Value mask = constant(graph, causal_mask());
  const auto letters = nn::embedding(graph, "letters", kLetters, kWidth);
  const auto places = nn::embedding(graph, "places", kLength, kWidth);
  const Decoder first = decoder(graph, "block1", mask);
  const Decoder second = decoder(graph, "block2", mask);
  const auto norm = nn::layer_norm(graph, "norm", kWidth);
  const auto head = nn::dense(graph, "head", kWidth, kLetters);

  const Value h = second(first(letters(text) + places.table));
  model.prediction = head(norm(h));
  model.loss = mean(softmax_cross_entropy(model.prediction, next));
  feed(model, text, draw_indices({kBatch, kLength}, kLetters), {next},
       {draw_indices({kBatch, kLength}, kLetters)});
  train_by_adam(model, nn::parameters(letters, places, first, second, norm, head));
  return model;
}

}  // namespace weft::examples
