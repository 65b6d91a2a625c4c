#pragma once
// The paper's networks: fully connected layers of one activation over the pixels of a digit, and the graphs
// that train them and predict with them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/nn.h"
#include "weft/runtime/session.h"

namespace weft::mnist {

struct MlpConfig {
  std::int64_t inputs = 784;
  std::vector<std::int64_t> layers{100, 100};  // hidden widths; may be empty
  std::int64_t classes = 10;
  std::string activation = "relu";             // relu, tanh or sigmoid
  std::string initializer = "glorot_uniform";  // see nn::named_initializers
};

/// Throws Error(invalid_argument) for an unknown activation or initializer, or a width below 1.
void validate(const MlpConfig& config);

class Mlp {
 public:
  /// Layers "dense1", "dense2", ...
  Mlp(Graph& graph, const MlpConfig& config);
  /// Pixels as f32 [batch, inputs] to logits [batch, classes].
  Value operator()(const Value& pixels) const;
  std::vector<Value> parameters() const;

 private:
  std::string activation_;
  std::vector<nn::Dense> layers_;
};

/// u8 pixels as f32 in [0, 1].
Value scale_pixels(const Value& pixels);

struct OptimizerConfig {
  std::string name = "sgd";             // sgd, momentum (0.9) or adam
  std::optional<double> learning_rate;  // empty: the optimizer's own default

  /// The given rate, or what trains the paper's networks well in ten epochs: sgd 0.3, momentum 0.05, adam
  /// 0.001.
  double rate() const;
};

/// One step of training on rows of `images`, u8 [samples, inputs], and `labels`, u8 [samples]: feeds the rows
/// to use, i32 [batch]; gives their mean loss; updates every parameter.
FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const OptimizerConfig& optimizer);

/// Feeds images, u8 [batch, inputs]; gives their classes, i64 [batch].
FunctionSpec prediction(Graph& graph, const Mlp& mlp, std::int64_t inputs);

/// The classes of all images, u8 [n, inputs], in batches of a thousand: i64 [n].
Tensor predict_all(Function& predict, const Tensor& images);

}  // namespace weft::mnist
