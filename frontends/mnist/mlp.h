#pragma once
// The paper's networks: fully connected layers of one activation over the pixels of a digit, and the graphs
// that train them and predict with them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/mnist/optimizer_config.h"
#include "weft/frontends/nn.h"
#include "weft/runtime/session.h"

namespace weft::mnist {

struct MlpConfig {
  std::int64_t inputs = 784;
  std::vector<std::int64_t> layers{100, 100};  // hidden widths; may be empty
  std::int64_t classes = 10;
  std::string activation = "relu";             // see nn::named_activations
  std::string initializer = "glorot_uniform";  // see nn::named_initializers
  std::string bias_initializer{};              // empty: the one that belongs to the weights' initializer
  std::optional<double> deviation{};           // of "normal" and "truncated_normal"; empty: their default
  double dropout = 0.0;                        // of hidden units, while training

  bool operator==(const MlpConfig&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"inputs", &MlpConfig::inputs}, Field{"layers", &MlpConfig::layers},
                 Field{"classes", &MlpConfig::classes}, Field{"activation", &MlpConfig::activation},
                 Field{"init", &MlpConfig::initializer}, Field{"bias_init", &MlpConfig::bias_initializer},
                 Field{"deviation", &MlpConfig::deviation}, Field{"dropout", &MlpConfig::dropout});
};
static_assert(kListsEveryMember<MlpConfig>);

/// Throws Error(invalid_argument) for an unknown activation or initializer, an initializer of matrices for
/// biases, a deviation that is not positive, inputs, classes or a width below 1, or a dropout outside of [0,
/// 1).
void validate(const MlpConfig& config);

class Mlp {
 public:
  /// Layers "dense1", "dense2", ...
  Mlp(Graph& graph, const MlpConfig& config, DType dtype = f32);
  /// Maps scaled pixels, floats [batch, inputs], to logits [batch, classes] of the network's dtype.
  Value operator()(const Value& pixels) const;
  /// The same for training, with dropout.
  Value training_logits(const Value& pixels) const;
  /// The outputs of all layers in prediction: the hidden activations, then the logits.
  std::vector<Value> layer_outputs(const Value& pixels) const;
  /// Weight and bias of each layer in turn.
  std::vector<Value> parameters() const;

 private:
  std::vector<Value> outputs(const Value& pixels, double dropout_rate) const;

  std::string activation_;
  double dropout_;
  std::vector<nn::Dense> layers_;
};

/// How pixels are scaled: (pixel - mean) / deviation.
struct PixelScale {
  double mean = 0.0;
  double deviation = 255.0;

  bool operator==(const PixelScale&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"pixel_mean", &PixelScale::mean}, Field{"pixel_deviation", &PixelScale::deviation});
};
static_assert(kListsEveryMember<PixelScale>);

/// u8 pixels as f32.
Value scale_pixels(const Value& pixels, const PixelScale& scale = {});

struct StepOptions {
  PixelScale pixels{};
  double label_smoothing = 0.0;
  std::int64_t steps = 0;              // of the whole training, for schedules that end
  std::string loss = "cross_entropy";  // see losses::named_class_losses
  bool over_ranks = false;             // the loss is the mean over the rows of all ranks of a job
};

/// One step of training on rows of `images`, u8 [samples, inputs], and `labels`, u8 [samples]: takes the
/// numbers of the rows, i32 [batch], returns their mean loss and updates every parameter.
FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const OptimizerConfig& optimizer, const StepOptions& options = {});

/// The same step on a batch that is fed: `images`, u8 [batch, inputs], and `labels`, u8 [batch], which are
/// inputs.
FunctionSpec fed_training_step(const Mlp& mlp, const Value& images, const Value& labels,
                               const OptimizerConfig& optimizer, const StepOptions& options = {});

/// Takes images, u8 [batch, inputs], and returns their classes, i64 [batch].
FunctionSpec prediction(Graph& graph, const Mlp& mlp, std::int64_t inputs, const PixelScale& pixels = {});

/// The classes of all images, u8 [n, inputs], in batches of 500: i64 [n]. The ranks of a job share the work.
Tensor predict_all(Function& predict, const Tensor& images, Communicator* communicator = nullptr);

}  // namespace weft::mnist
