// A residual network of eight layers for pictures of 32x32 (He et al., CVPR 2016): a convolution, three
// blocks of two, and a dense layer.

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {
namespace {

struct ConvNorm {
  nn::Conv2dLayer conv;
  nn::BatchNorm norm;

  auto layers() const { return std::tie(conv, norm); }
  nn::Trained train(const Value& x) const { return norm.train(conv(x)); }
  Value operator()(const Value& x) const { return norm(conv(x)); }
};

ConvNorm conv_norm(Graph& graph, const std::string& name, std::int64_t channels, std::int64_t filters,
                   std::int64_t kernel, std::int64_t stride) {
  const nn::Conv2dLayerOptions options{.sliding = {.stride = stride, .padding = kernel / 2}, .bias = false};
  return {.conv = nn::conv2d(graph, name + "/conv", channels, filters, kernel, f32, options),
          .norm = nn::batch_norm(graph, name + "/norm", filters, f32, {.axis = 1})};
}

struct Residual {
  ConvNorm first;
  ConvNorm second;
  std::optional<ConvNorm> shortcut;  // where the sizes change

  auto layers() const { return std::tie(first, second, shortcut); }

  nn::Trained train(const Value& x) const {
    const nn::Trained a = first.train(x);
    const nn::Trained b = second.train(relu(a.y));
    const nn::Trained c = shortcut ? shortcut->train(x) : nn::Trained{.y = x};
    nn::Trained all{.y = relu(b.y + c.y)};
    for (const nn::Trained* part : {&a, &b, &c})
      all.updates.insert(all.updates.end(), part->updates.begin(), part->updates.end());
    return all;
  }
  Value operator()(const Value& x) const {
    return relu(second(relu(first(x))) + (shortcut ? (*shortcut)(x) : x));
  }
};

Residual residual(Graph& graph, const std::string& name, std::int64_t channels, std::int64_t filters,
                  std::int64_t stride) {
  Residual made{.first = conv_norm(graph, name + "/first", channels, filters, 3, stride),
                .second = conv_norm(graph, name + "/second", filters, filters, 3, 1),
                .shortcut = std::nullopt};
  if (channels != filters) made.shortcut = conv_norm(graph, name + "/shortcut", channels, filters, 1, stride);
  return made;
}

}  // namespace

Model resnet8() {
  constexpr std::int64_t kBatch = 64;
  Model model;
  Graph& graph = *model.graph;
  const Value x = input(graph, "x", f32, {kBatch, 3, 32, 32});
  const Value labels = input(graph, "labels", i64, {kBatch});
  const nn::Sequential network{
      conv_norm(graph, "start", 3, 16, 3, 1), relu,
      residual(graph, "block1", 16, 16, 1),   residual(graph, "block2", 16, 32, 2),
      residual(graph, "block3", 32, 64, 2),   [](const Value& h) { return mean(h, {2, 3}); },
      nn::dense(graph, "head", 64, 10)};
  const nn::Trained trained = network.train(x);
  model.prediction = network(x);
  model.loss = mean(softmax_cross_entropy(trained.y, labels));
  model.updates = trained.updates;
  feed(model, x, draw_numbers({kBatch, 3, 32, 32}), {labels}, {draw_indices({kBatch}, 10)});
  train_by_adam(model, network.parameters());
  return model;
}

}  // namespace weft::examples
