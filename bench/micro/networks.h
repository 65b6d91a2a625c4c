#pragma once
// The networks that several benchmarks time, ready to compile: resident random digits, one step of training.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/frontends/mnist/mlp.h"

namespace weft::bench {

/// The training step of a fully connected network over `samples` images of noise, in a graph of its own.
struct TrainingGraph {
  explicit TrainingGraph(const mnist::MlpConfig& config, const std::string& optimizer = "sgd",
                         std::int64_t samples = 1024);
  Graph graph;
  FunctionSpec spec;
};

/// Rows 0 to `batch` - 1, as the step takes them.
Tensor first_rows(std::int64_t batch);

}  // namespace weft::bench
