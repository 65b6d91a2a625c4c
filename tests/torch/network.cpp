#include "weft/tests/torch/network.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <stdexcept>

#include "weft/frontends/nn.h"
#include "weft/frontends/nn/activations.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/fourier.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/layout.h"
#include "weft/ops/pool.h"
#include "weft/ops/resize.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"

namespace weft::torch_test {
namespace {

/// One layer to build: its input, its options, and the name that its parameters start with.
struct Place {
  const Value& x;
  const json& options;
  const std::string& name;
  Network& network;

  std::int64_t number(const char* key, std::int64_t otherwise) const { return options.value(key, otherwise); }
  std::int64_t size(std::int64_t axis) const {
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    return x.shape()[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)].size();
  }
  void train(const std::vector<Value>& parameters) const {
    network.parameters.insert(network.parameters.end(), parameters.begin(), parameters.end());
  }
};

using Builder = std::function<Value(const Place&)>;

Value build(const json& layers, const Value& input, const std::string& prefix, Network& network);

Value build_dense(const Place& at) {
  const auto layer =
      nn::dense(at.x.graph(), at.name, at.size(-1), at.options.at("units"), at.x.dtype(),
                {.bias = at.options.value("bias", true), .bias_initializer = nn::uniform(-0.5, 0.5)});
  at.train(layer.parameters());
  return layer(at.x);
}

template <std::size_t Axes>
ConvOptions<Axes> sliding_of(const Place& at) {
  return {.stride = at.number("stride", 1),
          .padding = at.number("padding", 0),
          .dilation = at.number("dilation", 1),
          .groups = at.number("groups", 1)};
}

/// `layer` makes a layer of a graph, a name, numbers of channels and filters, a kernel, a dtype and options.
template <std::size_t Axes, typename Layer>
Value build_conv(const Place& at, const Layer& layer) {
  const auto made = layer(at.x.graph(), at.name, at.size(1), at.options.at("filters").get<std::int64_t>(),
                          WindowSize<Axes>(at.options.at("kernel").get<std::int64_t>()), at.x.dtype(),
                          nn::ConvLayerOptions<Axes>{.sliding = sliding_of<Axes>(at),
                                                     .same = at.options.value("same", false),
                                                     .bias_initializer = nn::uniform(-0.5, 0.5)},
                          Where::current());
  at.train(made.parameters());
  return made(at.x);
}

template <std::size_t Axes, typename Layer>
Value build_conv_transpose(const Place& at, const Layer& layer) {
  const auto made = layer(
      at.x.graph(), at.name, at.size(1), at.options.at("filters").get<std::int64_t>(),
      WindowSize<Axes>(at.options.at("kernel").get<std::int64_t>()), at.x.dtype(),
      nn::ConvTransposeLayerOptions<Axes>{.sliding = {sliding_of<Axes>(at), at.number("output_padding", 0)},
                                          .bias_initializer = nn::uniform(-0.5, 0.5)},
      Where::current());
  at.train(made.parameters());
  return made(at.x);
}

template <typename Options>
Options pooling(const Place& at) {
  return {.window = at.number("window", 2),
          .stride = at.number("stride", 0),
          .padding = at.number("padding", 0),
          .dilation = at.number("dilation", 1),
          .ceil_mode = at.options.value("ceil", false)};
}

/// Pooling of a signal, a picture or a volume.
Value build_pool(const Place& at) {
  const std::string kind = at.options.at("kind");
  const bool counts = at.options.value("count_pad", true);
  const double p = at.options.value("p", 2.0);
  const std::size_t rank = at.x.shape().rank();
  const auto of = [&](const auto& options, auto max, auto mean, auto norm) {
    return kind == "max"    ? max(at.x, options)
           : kind == "mean" ? mean(at.x, options, counts)
                            : norm(at.x, p, options);
  };
  if (rank == 3) return of(pooling<Pool1dOptions>(at), max_pool1d, avg_pool1d, lp_pool1d);
  if (rank == 4) return of(pooling<Pool2dOptions>(at), max_pool2d, avg_pool2d, lp_pool2d);
  return of(pooling<Pool3dOptions>(at), max_pool3d, avg_pool3d, lp_pool3d);
}

Value build_recurrent(const Place& at) {
  const std::string kind = at.options.at("cell");
  const nn::Cell cell = kind == "lstm" ? nn::Cell::lstm : kind == "gru" ? nn::Cell::gru : nn::Cell::rnn;
  const std::int64_t units = at.options.at("units");
  nn::RecurrentOptions options{.reverse = at.options.value("reverse", false),
                               .checkpoint = at.number("checkpoint", 0),
                               .bias_initializer = nn::uniform(-0.5, 0.5)};
  if (kind == "relu") options.activation = nn::RecurrentActivation::relu;
  const auto apply = [&](const auto& layer) {
    at.train(layer.parameters());
    return layer(at.x);
  };
  if (at.options.value("bidirectional", false)) {
    return apply(nn::bidirectional(at.x.graph(), at.name, cell, at.size(-1), units, at.x.dtype(), options));
  }
  const auto make = cell == nn::Cell::lstm ? nn::lstm : cell == nn::Cell::gru ? nn::gru : nn::rnn;
  return apply(make(at.x.graph(), at.name, at.size(-1), units, at.x.dtype(), options, Where::current()));
}

std::vector<Dim> sizes_of(const Place& at) {
  std::vector<Dim> sizes;
  for (const std::int64_t size : at.options.at("sizes")) sizes.emplace_back(size);
  return sizes;
}

/// By PyTorch's names of the modes.
Value build_resize(const Place& at) {
  const std::string mode = at.options.at("mode");
  ResizeOptions options;
  if (mode.starts_with("nearest")) options.mode = ResizeMode::nearest;
  if (mode == "bicubic") options.mode = ResizeMode::cubic;
  if (mode == "area") options.mode = ResizeMode::area;
  if (mode == "nearest")
    options = {.mode = ResizeMode::nearest,
               .coordinates = ResizeCoordinates::asymmetric,
               .rounding = ResizeRounding::floor};
  if (mode == "nearest-exact") options.rounding = ResizeRounding::prefer_ceil;
  if (at.options.value("align_corners", false)) options.coordinates = ResizeCoordinates::align_corners;
  return resize(at.x, sizes_of(at), options);
}

/// Samples at the points of an affine map, which is trained.
Value build_transformer_of_space(const Place& at) {
  const Value start = constant(at.x.graph(), Tensor::of<double>({0.8, 0.3, 0.4, -0.2, 1.1, 0.3}, {1, 2, 3}));
  const Value theta = parameter(at.x.graph(), at.name + "/theta", cast(start, at.x.dtype()));
  at.train({theta});
  const std::string border = at.options.at("border");
  const bool align_corners = at.options.value("align_corners", false);
  const std::vector<Dim> sizes = sizes_of(at);
  const Value maps = broadcast_to(theta, {at.x.shape()[0], 2, 3});
  return grid_sample(at.x, affine_grid(maps, sizes[0].size(), sizes[1].size(), align_corners),
                     {.mode = at.options.value("nearest", false) ? SampleMode::nearest : SampleMode::bilinear,
                      .border = border == "zeros"    ? SampleBorder::zeros
                                : border == "border" ? SampleBorder::border
                                                     : SampleBorder::reflection,
                      .align_corners = align_corners});
}

Value build_stft(const Place& at) {
  const Value window = hann_window(at.x.graph(), at.number("window", 8), true, at.x.dtype());
  const Value pieces = stft(at.x, window, at.number("hop", 3), at.options.value("centred", false));
  return flatten(complex_abs(pieces + 0.01));
}

Value build_batch_norm(const Place& at) {
  const std::int64_t axis = at.x.shape().rank() == 4 ? 1 : -1;
  const auto layer = nn::batch_norm(at.x.graph(), at.name, at.size(axis), at.x.dtype(), {.axis = axis});
  at.train(layer.parameters());
  const auto trained = layer.train(at.x);
  at.network.state.insert(at.network.state.end(), {layer.running_mean, layer.running_variance});
  at.network.updates.insert(at.network.updates.end(), trained.updates.begin(), trained.updates.end());
  return trained.y;
}

Value build_layer_norm(const Place& at) {
  const auto layer = nn::layer_norm(at.x.graph(), at.name, at.size(-1), at.x.dtype());
  at.train(layer.parameters());
  return layer(at.x);
}

/// A norm within samples, which takes its sizes from its input.
template <typename Layer>
Value build_norm(const Place& at, const Layer& layer) {
  const Value y = layer(at.x);
  at.train(layer.parameters());
  return y;
}

nn::TransformerOptions transformer_of(const Place& at) {
  return {.heads = at.number("heads", 1),
          .inner = at.number("inner", 8),
          .norm_first = at.options.value("norm_first", false)};
}

/// Trains all parameters but the biases of keys, which add the same number to all scores of a query: the
/// slope of a softmax is 0 along it, and what is computed of it is rounding alone.
template <typename Layer>
void train_without_key_biases(const Place& at, const Layer& layer) {
  for (const Value& each : nn::parameters(layer)) {
    const bool is_trained = !each.name().ends_with("key/bias");
    (is_trained ? at.network.parameters : at.network.state).push_back(each);
  }
}

Value build_encoder(const Place& at) {
  const auto layer =
      nn::transformer_encoder_layer(at.x.graph(), at.name, at.size(-1), transformer_of(at), at.x.dtype());
  train_without_key_biases(at, layer);
  return layer(at.x);
}

/// What it decodes is its memory, too.
Value build_decoder(const Place& at) {
  const auto layer =
      nn::transformer_decoder_layer(at.x.graph(), at.name, at.size(-1), transformer_of(at), at.x.dtype());
  train_without_key_biases(at, layer);
  return layer(at.x, at.x);
}

Value build_embedding_bag(const Place& at) {
  const DType dtype = at.options.at("dtype") == "f64" ? f64 : f32;
  const std::string mode = at.options.at("mode");
  const auto layer = nn::embedding_bag(at.x.graph(), at.name, at.options.at("entries"), at.options.at("size"),
                                       mode == "sum"    ? nn::BagMode::sum
                                       : mode == "mean" ? nn::BagMode::mean
                                                        : nn::BagMode::max,
                                       dtype);
  at.train(layer.parameters());
  return layer(at.x);
}

Value build_embedding(const Place& at) {
  const DType dtype = at.options.at("dtype") == "f64" ? f64 : f32;
  const auto layer =
      nn::embedding(at.x.graph(), at.name, at.options.at("entries"), at.options.at("size"), dtype);
  at.train(layer.parameters());
  return layer(at.x);
}

Value build_prelu(const Place& at) {
  constexpr double kStart = 0.25;
  const Value start = broadcast_to(constant(at.x.graph(), kStart, at.x.dtype()), {at.size(-1)});
  const Value alpha = parameter(at.x.graph(), at.name + "/alpha", start);
  at.train({alpha});
  return nn::prelu(at.x, alpha);
}

/// Several ways from one value, which meet again.
Value build_branches(const Place& at) {
  std::vector<Value> ends;
  const json& branches = at.options.at("branches");
  for (std::size_t i = 0; i < branches.size(); ++i) {
    ends.push_back(build(branches[i], at.x, fmt::format("{}.{}.", at.name, i), at.network));
  }
  const std::string merge = at.options.at("merge");
  if (merge == "sum") return nn::sum_of(ends);
  if (merge == "product") return nn::product_of(ends);
  if (merge == "max") return nn::max_of(ends);
  return concat(ends, 1);
}

const std::map<std::string, Builder>& builders() {
  static const std::map<std::string, Builder> all{
      {"dense", build_dense},
      {"recurrent", build_recurrent},
      {"conv1d",
       [](const Place& at) {
         return build_conv<1>(at, [](auto&&... given) { return nn::conv1d(given...); });
       }},
      {"conv2d",
       [](const Place& at) {
         return build_conv<2>(at, [](auto&&... given) { return nn::conv2d(given...); });
       }},
      {"conv3d",
       [](const Place& at) {
         return build_conv<3>(at, [](auto&&... given) { return nn::conv3d(given...); });
       }},
      {"conv_transpose1d",
       [](const Place& at) {
         return build_conv_transpose<1>(at, [](auto&&... given) { return nn::conv_transpose1d(given...); });
       }},
      {"conv_transpose2d",
       [](const Place& at) {
         return build_conv_transpose<2>(at, [](auto&&... given) { return nn::conv_transpose2d(given...); });
       }},
      {"conv_transpose3d",
       [](const Place& at) {
         return build_conv_transpose<3>(at, [](auto&&... given) { return nn::conv_transpose3d(given...); });
       }},
      {"pool", build_pool},
      {"adaptive_max_pool", [](const Place& at) { return adaptive_max_pool(at.x, sizes_of(at)); }},
      {"adaptive_mean_pool", [](const Place& at) { return adaptive_avg_pool(at.x, sizes_of(at)); }},
      {"resize", build_resize},
      {"spatial_transformer", build_transformer_of_space},
      {"pixel_shuffle", [](const Place& at) { return depth_to_space(at.x, at.number("block", 2), true); }},
      {"rfft", [](const Place& at) { return flatten(rfft(at.x)); }},
      {"irfft", [](const Place& at) { return flatten(irfft(at.x, {}, -1)); }},
      {"rfft2", [](const Place& at) { return flatten(rfftn(at.x, {-2, -1})); }},
      {"stft", build_stft},
      {"batch_norm", build_batch_norm},
      {"layer_norm", build_layer_norm},
      {"group_norm",
       [](const Place& at) {
         return build_norm(at, nn::group_norm(at.x.graph(), at.name, at.number("groups", 1)));
       }},
      {"instance_norm",
       [](const Place& at) { return build_norm(at, nn::instance_norm(at.x.graph(), at.name)); }},
      {"rms_norm", [](const Place& at) { return build_norm(at, nn::rms_norm(at.x.graph(), at.name)); }},
      {"transformer_encoder", build_encoder},
      {"transformer_decoder", build_decoder},
      {"sinusoidal_positions", [](const Place& at) { return nn::SinusoidalPositions{}(at.x); }},
      {"embedding_bag", build_embedding_bag},
      {"embedding", build_embedding},
      {"prelu", build_prelu},
      {"branches", build_branches},
      {"global_mean_pool", [](const Place& at) { return nn::global_mean_pool(at.x); }},
      {"global_max_pool", [](const Place& at) { return nn::global_max_pool(at.x); }},
      {"zero_padding",
       [](const Place& at) {
         return nn::zero_padding(at.x, {.top = at.number("top", 0),
                                        .bottom = at.number("bottom", 0),
                                        .left = at.number("left", 0),
                                        .right = at.number("right", 0)});
       }},
      {"upsample", [](const Place& at) { return nn::upsample_nearest(at.x, at.number("factor", 2)); }},
      {"local_response_norm",
       [](const Place& at) {
         return nn::local_response_norm(at.x,
                                        {.size = at.number("size", 3), .alpha = at.options.at("alpha")});
       }},
      {"maxout", [](const Place& at) { return nn::maxout(at.x, at.number("pieces", 2)); }},
      {"flatten", [](const Place& at) { return flatten(at.x); }},
      {"tanh", [](const Place& at) { return tanh(at.x); }},
      {"relu", [](const Place& at) { return relu(at.x); }},
      {"relu6", [](const Place& at) { return nn::relu6(at.x); }},
      {"leaky_relu", [](const Place& at) { return leaky_relu(at.x, at.options.at("alpha")); }},
      {"elu", [](const Place& at) { return elu(at.x, at.options.value("alpha", 1.0)); }},
      {"selu", [](const Place& at) { return nn::selu(at.x); }},
      {"sigmoid", [](const Place& at) { return sigmoid(at.x); }},
      {"hard_sigmoid", [](const Place& at) { return nn::hard_sigmoid(at.x); }},
      {"hard_tanh", [](const Place& at) { return nn::hard_tanh(at.x); }},
      {"softplus", [](const Place& at) { return softplus(at.x); }},
      {"hard_shrink", [](const Place& at) { return nn::hard_shrink(at.x); }},
      {"soft_shrink", [](const Place& at) { return nn::soft_shrink(at.x); }},
      {"tanh_shrink", [](const Place& at) { return nn::tanh_shrink(at.x); }},
      {"threshold", [](const Place& at) { return nn::threshold(at.x, 0.1, -0.2); }},
      {"celu", [](const Place& at) { return nn::celu(at.x, at.options.at("alpha")); }},
      {"mish", [](const Place& at) { return nn::mish(at.x); }},
      {"log_sigmoid", [](const Place& at) { return nn::log_sigmoid(at.x); }},
      {"softmin", [](const Place& at) { return nn::softmin(at.x); }},
      {"glu", [](const Place& at) { return nn::glu(at.x); }},
      {"crelu", [](const Place& at) { return nn::crelu(at.x); }},
      {"softsign", [](const Place& at) { return nn::softsign(at.x); }},
      {"swish", [](const Place& at) { return nn::swish(at.x); }},
      {"gelu", [](const Place& at) { return gelu(at.x); }},
      {"softmax", [](const Place& at) { return softmax(at.x); }},
      {"log_softmax", [](const Place& at) { return log_softmax(at.x); }}};
  return all;
}

Value build(const json& layers, const Value& input, const std::string& prefix, Network& network) {
  Value x = input;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto found = builders().find(name_of(layers[i]));
    if (found == builders().end()) throw std::invalid_argument("unknown layer " + layers[i].dump());
    const json options = options_of(layers[i]);
    const std::string name = prefix + std::to_string(i);
    x = found->second({.x = x, .options = options, .name = name, .network = network});
  }
  return x;
}

}  // namespace

std::string name_of(const json& entry) { return entry.is_array() ? entry.at(0) : entry; }
json options_of(const json& entry) { return entry.is_array() ? entry.at(1) : json::object(); }

Network build_network(const json& layers, const Value& input) {
  Network network;
  network.output = build(layers, input, "", network);
  return network;
}

}  // namespace weft::torch_test
