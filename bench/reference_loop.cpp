#include "weft/bench/reference_loop.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "weft/graph/error.h"
#include "weft/graph/philox.h"

namespace weft::bench {
namespace {

constexpr std::int64_t kLineFloats = 16;
constexpr std::int64_t kVectorFloats = 8;
constexpr std::int64_t kPredictedRows = 128;  // of 784 pixels: 400 kB, which stay in the second-level cache
constexpr std::int64_t kMostClasses = 256;

std::int64_t round_up(std::int64_t value, std::int64_t grain) { return (value + grain - 1) / grain * grain; }

/// Rows start at cache lines. A stride of a power of two would map a column onto few sets of the cache: with
/// 1024 columns that doubles the time of a product.
std::int64_t stride_of(std::int64_t columns) {
  const std::int64_t stride = round_up(columns, kLineFloats);
  return stride % 128 == 0 ? stride + kLineFloats : stride;
}

ReferenceConfig checked(ReferenceConfig config) {
  const auto& widths = config.widths;
  const bool network =
      widths.size() >= 2 && std::ranges::all_of(widths, [](auto width) { return width > 0; });
  if (!network || widths.back() > kMostClasses || config.batch < 1 || config.threads < 1) {
    throw Error(ErrorCode::invalid_argument, "the reference loop cannot make this network",
                {.expected = "two or more positive widths, at most 256 classes, batch >= 1, threads >= 1",
                 .actual = fmt::format("{} widths, batch {}, {} threads", widths.size(), config.batch,
                                       config.threads)});
  }
  return config;
}

}  // namespace

ReferenceLoop::ReferenceLoop(ReferenceConfig config, std::span<const std::uint8_t> images,
                             std::span<const std::uint8_t> labels)
    : config_(checked(std::move(config))),
      samples_{images.data(), labels.data(), config_.widths.front()},
      sample_count_(std::ssize(labels)),
      kernels_(reference_kernels()),
      in_order_(kPredictedRows),
      losses_(static_cast<std::size_t>(config_.threads)),
      crew_(config_.threads) {
  const auto& widths = config_.widths;
  if (std::ssize(images) != sample_count_ * widths.front()) {
    throw Error(ErrorCode::shape_mismatch, "images and labels differ in number",
                {.expected = fmt::format("{} bytes", sample_count_ * widths.front()),
                 .actual = fmt::format("{} bytes", images.size())});
  }
  if (std::ranges::any_of(labels, [&](std::uint8_t label) { return label >= widths.back(); })) {
    throw Error(ErrorCode::out_of_range, fmt::format("a label is not below {}", widths.back()));
  }
  const std::int64_t most_rows = std::max(config_.batch, kPredictedRows * config_.threads);
  pixels_ = rows(most_rows, widths.front());
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    layers_.push_back({.weights = rows(widths[i], widths[i + 1]),
                       .biases = rows(1, widths[i + 1]).data,
                       .values = rows(most_rows, widths[i + 1]),
                       .deltas = rows(config_.batch, widths[i + 1])});
  }
  layers_.back().deltas = layers_.back().values;  // softmax_loss turns logits into deltas in place
  std::iota(in_order_.begin(), in_order_.end(), 0);
  initialize_weights();
}

ReferenceRows ReferenceLoop::rows(std::int64_t count, std::int64_t columns) {
  Tensor& block = memory_.emplace_back(Tensor::zeros(DType::f32, {count, stride_of(columns)}));
  return {block.mutable_values<float>().data(), count, columns, stride_of(columns)};
}

void ReferenceLoop::initialize_weights() {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const ReferenceRows& w = layers_[i].weights;
    const float limit = std::sqrt(6.0F / static_cast<float>(w.rows + w.columns));
    PhiloxSequence random(config_.seed, i);
    for (std::int64_t r = 0; r < w.rows; ++r) {
      for (std::int64_t c = 0; c < w.columns; ++c) {
        w.data[r * w.stride + c] = limit * (2.0F * random.uniform() - 1.0F);
      }
    }
  }
}

double ReferenceLoop::train_epoch(std::span<const std::int32_t> permutation) {
  const auto is_sample = [&](std::int32_t number) { return number >= 0 && number < sample_count_; };
  if (permutation.empty() || !std::ranges::all_of(permutation, is_sample)) {
    throw Error(ErrorCode::out_of_range,
                fmt::format("an epoch needs sample numbers in [0, {})", sample_count_));
  }
  crew_.run([&](int thread) { train_shard(thread, permutation); });
  throw_if_failed();
  return std::accumulate(losses_.begin(), losses_.end(), 0.0) / static_cast<double>(permutation.size());
}

void ReferenceLoop::train_shard(int thread, std::span<const std::int32_t> permutation) {
  const auto most = static_cast<std::size_t>(config_.batch);
  double loss = 0.0;
  for (auto rest = permutation; !rest.empty(); rest = rest.subspan(std::min(most, rest.size()))) {
    const auto batch = rest.first(std::min(most, rest.size()));
    loss += forward_backward(share(std::ssize(batch), thread, 1), batch);
    crew_.meet();
    update(thread, std::ssize(batch));
    crew_.meet();
  }
  losses_[static_cast<std::size_t>(thread)] = loss;
}

/// Fills the deltas of the rows in `shard`; returns the sum of their losses.
double ReferenceLoop::forward_backward(Range shard, std::span<const std::int32_t> batch) {
  if (shard.count == 0) return 0.0;
  const std::int32_t* index = batch.data() + shard.begin;
  forward(samples_, index, shard);
  const Layer& last = layers_.back();
  const double loss =
      kernels_.softmax_loss(samples_, index, last.deltas.slice(shard.begin, shard.count), last.biases);
  for (std::size_t i = layers_.size() - 1; i > 0; --i) {
    const ReferenceRows above = layers_[i].deltas.slice(shard.begin, shard.count);
    const ReferenceRows below = layers_[i - 1].deltas.slice(shard.begin, shard.count);
    multiply('N', 'T', above.columns, 1.0F, above, layers_[i].weights, 0.0F, below);
    kernels_.scale_by_slope(config_.activation, below, layers_[i - 1].values.slice(shard.begin, shard.count));
  }
  return loss;
}

/// Fills pixels and values of the rows in `shard`; the last layer's without their bias.
void ReferenceLoop::forward(const ReferenceSamples& samples, const std::int32_t* index, Range shard) {
  ReferenceRows x = pixels_.slice(shard.begin, shard.count);
  kernels_.gather(samples, index, x);
  for (const Layer& layer : layers_) {
    const ReferenceRows y = layer.values.slice(shard.begin, shard.count);
    multiply('N', 'N', x.columns, 1.0F, x, layer.weights, 0.0F, y);
    if (&layer != &layers_.back()) kernels_.activate(config_.activation, y, layer.biases);
    x = y;
  }
}

/// w -= rate / batch * x^T d, for this thread's rows of each w, and likewise the biases. The first layer
/// comes last, because the next step begins with it.
void ReferenceLoop::update(int thread, std::int64_t batch) {
  const float scale = -config_.learning_rate / static_cast<float>(batch);
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    const ReferenceRows d = layer.deltas.slice(0, batch);
    const Range columns = share(d.columns, thread, kVectorFloats);
    const ReferenceRows own_columns{d.data + columns.begin, batch, columns.count, d.stride};
    kernels_.add_column_sums(own_columns, scale, layer.biases + columns.begin);

    const ReferenceRows x = i == 0 ? pixels_ : layers_[i - 1].values;
    const Range own = share(layer.weights.rows, thread, 1);
    multiply('T', 'N', batch, scale, {x.data + own.begin, batch, own.count, x.stride}, d, 1.0F,
             layer.weights.slice(own.begin, own.count));
  }
}

/// c = alpha * op(a) op(b) + beta * c, the sum over `inner` terms.
void ReferenceLoop::multiply(char transpose_a, char transpose_b, std::int64_t inner, float alpha,
                             ReferenceRows a, ReferenceRows b, float beta, ReferenceRows c) {
  if (c.rows == 0) return;
  const dnnl_status_t status = dnnl_sgemm(transpose_a, transpose_b, c.rows, c.columns, inner, alpha, a.data,
                                          a.stride, b.data, b.stride, beta, c.data, c.stride);
  if (status != dnnl_success) failed_.store(true, std::memory_order_relaxed);
}

/// A thread of a crew must not throw, or the others would wait for it for ever.
void ReferenceLoop::throw_if_failed() {
  if (failed_.exchange(false)) throw Error(ErrorCode::internal, "oneDNN refused an sgemm");
}

/// The shard of [0, total) that is this thread's; all shards but the last end at multiples of `grain`.
ReferenceLoop::Range ReferenceLoop::share(std::int64_t total, int thread, std::int64_t grain) const {
  const auto edge = [&](std::int64_t shard) {
    return std::min(round_up(total * shard / crew_.size(), grain), total);
  };
  return {edge(thread), edge(thread + 1) - edge(thread)};
}

std::vector<std::uint8_t> ReferenceLoop::predict(std::span<const std::uint8_t> images, std::int64_t count) {
  const std::int64_t pixels = config_.widths.front();
  if (count < 0 || std::ssize(images) != count * pixels) {
    throw Error(ErrorCode::shape_mismatch, "predict() was given another number of bytes",
                {.expected = fmt::format("{} images of {} bytes", count, pixels),
                 .actual = fmt::format("{} bytes", images.size())});
  }
  std::vector<std::uint8_t> classes(static_cast<std::size_t>(count));
  crew_.run([&](int thread) { predict_shard(thread, images, classes); });
  throw_if_failed();
  return classes;
}

void ReferenceLoop::predict_shard(int thread, std::span<const std::uint8_t> images,
                                  std::span<std::uint8_t> classes) {
  const std::int64_t pixels = config_.widths.front();
  const Range own = share(std::ssize(classes), thread, 1);
  for (std::int64_t done = 0; done < own.count; done += kPredictedRows) {
    const std::int64_t first = own.begin + done;
    const Range rows{thread * kPredictedRows, std::min(kPredictedRows, own.count - done)};
    forward({images.data() + first * pixels, nullptr, pixels}, in_order_.data(), rows);
    for (std::int64_t r = 0; r < rows.count; ++r) {
      classes[static_cast<std::size_t>(first + r)] = likeliest(rows.begin + r);
    }
  }
}

std::uint8_t ReferenceLoop::likeliest(std::int64_t row) const {
  const Layer& last = layers_.back();
  const float* logits = last.values.data + row * last.values.stride;
  std::int64_t best = 0;
  for (std::int64_t c = 1; c < last.values.columns; ++c) {
    if (logits[c] + last.biases[c] > logits[best] + last.biases[best]) best = c;
  }
  return static_cast<std::uint8_t>(best);
}

const ReferenceLoop::Layer& ReferenceLoop::layer(std::size_t index) const {
  if (index >= layers_.size()) {
    throw Error(ErrorCode::out_of_range, fmt::format("layer {} of {}", index, layers_.size()));
  }
  return layers_[index];
}

std::vector<float> ReferenceLoop::weights(std::size_t index) const {
  const ReferenceRows& w = layer(index).weights;
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(w.rows * w.columns));
  for (std::int64_t r = 0; r < w.rows; ++r) {
    values.insert(values.end(), w.data + r * w.stride, w.data + r * w.stride + w.columns);
  }
  return values;
}

std::vector<float> ReferenceLoop::biases(std::size_t index) const {
  const Layer& from = layer(index);
  return {from.biases, from.biases + from.weights.columns};
}

void ReferenceLoop::set_layer(std::size_t index, std::span<const float> weights,
                              std::span<const float> biases) {
  const Layer& to = layer(index);
  const ReferenceRows& w = to.weights;
  if (std::ssize(weights) != w.rows * w.columns || std::ssize(biases) != w.columns) {
    throw Error(ErrorCode::shape_mismatch, "set_layer() was given another number of values",
                {.expected = fmt::format("{} weights, {} biases", w.rows * w.columns, w.columns),
                 .actual = fmt::format("{} weights, {} biases", weights.size(), biases.size())});
  }
  for (std::int64_t r = 0; r < w.rows; ++r) {
    std::copy_n(weights.data() + r * w.columns, w.columns, w.data + r * w.stride);
  }
  std::ranges::copy(biases, to.biases);
}

}  // namespace weft::bench
