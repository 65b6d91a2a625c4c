// A language model over characters: a decoder of two blocks with causal attention (Vaswani et al., NeurIPS
// 2017), normalized before each part (Xiong et al., ICML 2020).

#include <cmath>
#include <limits>

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {
namespace {

constexpr std::int64_t kTexts = 16;
constexpr std::int64_t kPlaces = 64;
constexpr std::int64_t kFeatures = 128;
constexpr std::int64_t kHeads = 4;
constexpr std::int64_t kHeadFeatures = kFeatures / kHeads;
constexpr std::int64_t kAlphabet = 65;

/// 0 where a character may be looked at from another, and -inf where it comes later.
Tensor causal_mask() {
  Tensor mask = Tensor::zeros(f32, {kPlaces, kPlaces});
  const auto numbers = mask.mutable_values<float>();
  for (std::int64_t from = 0; from < kPlaces; ++from) {
    for (std::int64_t to = from + 1; to < kPlaces; ++to)
      numbers[static_cast<std::size_t>(from * kPlaces + to)] = -std::numeric_limits<float>::infinity();
  }
  return mask;
}

struct Attention {
  nn::Dense mixed;  // queries, keys and values
  nn::Dense out;
  Value mask;

  auto layers() const { return std::tie(mixed, out); }

  Value operator()(const Value& x) const {
    const Value all = reshape(mixed(x), Shape{kTexts, kPlaces, 3, kHeads, kHeadFeatures});
    const auto part = [&](std::int64_t i) {  // [texts, heads, places, features of a head]
      return transpose(squeeze(slice(all, 2, i, i + 1), 2), {0, 2, 1, 3});
    };
    const double scale = 1.0 / std::sqrt(static_cast<double>(kHeadFeatures));
    const Value scores = matmul(part(0), part(1), false, true) * scale + mask;
    const Value seen = transpose(matmul(softmax(scores), part(2)), {0, 2, 1, 3});
    return out(reshape(seen, Shape{kTexts, kPlaces, kFeatures}));
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
  return {.first = nn::layer_norm(graph, name + "/first", kFeatures),
          .attention = {.mixed = nn::dense(graph, name + "/mixed", kFeatures, 3 * kFeatures),
                        .out = nn::dense(graph, name + "/out", kFeatures, kFeatures),
                        .mask = mask},
          .second = nn::layer_norm(graph, name + "/second", kFeatures),
          .wide = nn::dense(graph, name + "/wide", kFeatures, 4 * kFeatures),
          .narrow = nn::dense(graph, name + "/narrow", 4 * kFeatures, kFeatures)};
}

}  // namespace

Model character_transformer() {
  Model model;
  Graph& graph = *model.graph;
  const Value text = input(graph, "text", i64, {kTexts, kPlaces});
  const Value next = input(graph, "next", i64, {kTexts, kPlaces});
  const Value mask = constant(graph, causal_mask());
  const auto letters = nn::embedding(graph, "letters", kAlphabet, kFeatures);
  const auto places = nn::embedding(graph, "places", kPlaces, kFeatures);
  const Decoder first = decoder(graph, "block1", mask);
  const Decoder second = decoder(graph, "block2", mask);
  const auto norm = nn::layer_norm(graph, "norm", kFeatures);
  const auto head = nn::dense(graph, "head", kFeatures, kAlphabet);

  const Value h = second(first(letters(text) + places.table));
  model.prediction = head(norm(h));
  model.loss = mean(softmax_cross_entropy(model.prediction, next));
  feed(model, text, draw_indices({kTexts, kPlaces}, kAlphabet), {next},
       {draw_indices({kTexts, kPlaces}, kAlphabet)});
  train_by_adam(model, nn::parameters(letters, places, first, second, norm, head));
  return model;
}

}  // namespace weft::examples
