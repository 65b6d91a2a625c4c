#pragma once
// The yardstick: a fully connected network trained by a loop written by hand over oneDNN's sgemm, without a
// framework, as fast as we know how to make it. The engine is measured against it in one process.
//
// Every product is a dense f32 sgemm; bias with activation, and softmax with loss and gradient, are one
// pass each; a weight update is one sgemm that accumulates into the weights. With n threads the rows of a
// batch are cut in n, forward and backward run without a barrier, and after it each thread updates its own
// rows of every weight: two barriers a step. A step allocates nothing.
//
// A loop borrows the training data, which must outlive it. One thread at a time may use it. Wrong arguments
// throw Error and change nothing; a refusal by oneDNN throws Error(internal), and then the weights are
// unspecified.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "weft/bench/reference_crew.h"
#include "weft/bench/reference_kernels.h"
#include "weft/graph/tensor.h"

namespace weft::bench {

struct ReferenceConfig {
  using Activation = ReferenceActivation;

  std::vector<std::int64_t> widths;          // pixels, hidden widths, classes: {784, 100, 10}
  Activation activation = Activation::relu;  // of the hidden layers
  std::int64_t batch = 64;
  float learning_rate = 0.1F;
  int threads = 1;
  std::uint64_t seed = 0;  // of the initial weights
};

class ReferenceLoop {
 public:
  /// `images` is u8 [n, widths.front()], `labels` u8 [n]. Weights start Glorot-uniform (Glorot & Bengio,
  /// AISTATS 2010), biases at zero. Throws Error(invalid_argument) for a configuration that makes no network,
  /// Error(shape_mismatch) when images and labels differ in number, Error(out_of_range) for a label that is
  /// no class.
  ReferenceLoop(ReferenceConfig config, std::span<const std::uint8_t> images,
                std::span<const std::uint8_t> labels);

  /// One epoch of plain SGD on the softmax cross-entropy, mini-batches taken in the order of `permutation`
  /// (sample numbers; the last, shorter batch included). Returns the loss averaged over the samples, each
  /// under the weights of its own step. Throws Error(out_of_range) for a number that is no sample.
  double train_epoch(std::span<const std::int32_t> permutation);

  /// The most likely class of each of `count` images, u8 [count, widths.front()].
  std::vector<std::uint8_t> predict(std::span<const std::uint8_t> images, std::int64_t count);

  std::size_t layers() const { return layers_.size(); }
  /// Copies, weights row-major [in, out].
  std::vector<float> weights(std::size_t layer) const;
  std::vector<float> biases(std::size_t layer) const;
  /// Throws Error(shape_mismatch) unless the sizes are those of the layer.
  void set_layer(std::size_t layer, std::span<const float> weights, std::span<const float> biases);

 private:
  struct Range {
    std::int64_t begin;
    std::int64_t count;
  };
  struct Layer {
    ReferenceRows weights;  // [in, out]
    float* biases;
    ReferenceRows values;  // what the layer gives, [batch, out]
    ReferenceRows deltas;  // the loss's gradient at values before the activation
  };

  ReferenceRows rows(std::int64_t count, std::int64_t columns);
  const Layer& layer(std::size_t index) const;
  Range share(std::int64_t total, int thread, std::int64_t grain) const;
  void initialize_weights();
  void train_shard(int thread, std::span<const std::int32_t> permutation);
  double forward_backward(Range shard, std::span<const std::int32_t> batch);
  void forward(const ReferenceSamples& samples, const std::int32_t* index, Range shard);
  void update(int thread, std::int64_t batch);
  void predict_shard(int thread, std::span<const std::uint8_t> images, std::span<std::uint8_t> classes);
  std::uint8_t likeliest(std::int64_t row) const;
  void multiply(char transpose_a, char transpose_b, std::int64_t inner, float alpha, ReferenceRows a,
                ReferenceRows b, float beta, ReferenceRows c);
  void throw_if_failed();

  ReferenceConfig config_;
  ReferenceSamples samples_;
  std::int64_t sample_count_;
  const ReferenceKernels& kernels_;
  std::vector<Tensor> memory_;
  ReferenceRows pixels_{};
  std::vector<Layer> layers_;
  std::vector<std::int32_t> in_order_;  // 0, 1, 2, ...
  std::vector<double> losses_;
  std::atomic<bool> failed_{false};
  ReferenceCrew crew_;
};

}  // namespace weft::bench
