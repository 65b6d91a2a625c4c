#pragma once
// Measures signals and gradients on their way through a network, to explain the effect of depth.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/study_data.h"
#include "weft/runtime/session.h"

namespace weft::mnist {

/// Root mean squares over the units of a layer and a thousand training images.
struct LayerNorms {
  double activation = 0.0;  // of the layer's output; for the last layer, the logits
  double gradient = 0.0;  // of the mean loss, times the number of images, with respect to the layer's output
  double weight_gradient = 0.0;  // of the mean loss with respect to the layer's weights
  double flat = 0.0;             // the share of activations with a slope below 0.02; 0 for logits
};

class Probe {
 public:
  /// The session, the graph and the data must outlive the probe.
  Probe(Session& session, Graph& graph, const Mlp& mlp, const std::string& activation, const StudyData& data,
        const PixelScale& pixels);

  /// Measures with the current parameters, and without dropout. Returns one entry for each layer.
  std::vector<LayerNorms> measure();

 private:
  Tensor images_;
  Tensor labels_;
  Function function_;
};

}  // namespace weft::mnist
