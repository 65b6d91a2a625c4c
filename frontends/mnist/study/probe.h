#pragma once
// How signals and gradients fare on their way through a network: the evidence behind what depth does.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/study_data.h"
#include "weft/runtime/session.h"

namespace weft::mnist {

/// Root mean squares over the units of a layer and a thousand training images.
struct LayerNorms {
  double activation = 0.0;       // of what the layer gives; of the last one, the logits
  double gradient = 0.0;         // of the mean loss, times the number of images, to what the layer gives
  double weight_gradient = 0.0;  // of the mean loss to the layer's weights
  double flat = 0.0;             // the share of activations where the slope is below 0.02; logits: 0
};

class Probe {
 public:
  /// The session, the graph and the data must outlive the probe.
  Probe(Session& session, Graph& graph, const Mlp& mlp, const std::string& activation, const StudyData& data,
        const PixelScale& pixels);

  /// With the parameters as they are now, and without dropout: one entry for each layer.
  std::vector<LayerNorms> measure();

 private:
  Tensor images_;
  Tensor labels_;
  Function function_;
};

}  // namespace weft::mnist
