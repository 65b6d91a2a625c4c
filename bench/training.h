#pragma once
// The engine and the loop written by hand, side by side: the same network from the same weights on the same
// batches, in one process, epoch by epoch in turn, so that what disturbs the machine disturbs both.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/frontends/data/mnist.h"

namespace weft::bench {

struct TrainingCase {
  std::string name;  // "784-100-10 relu"
  std::vector<std::int64_t> layers;
  std::string activation;
};

struct TrainingBenchOptions {
  int threads = 1;
  int rounds = 5;  // epochs of each, after one to warm up
  std::int64_t batch = 64;
  double learning_rate = 0.1;
};

struct TrainingComparison {
  std::vector<double> engine_seconds;     // for each round
  std::vector<double> reference_seconds;  // for each round
  double engine_predict_seconds = 0.0;    // all test images, median of the rounds
  double reference_predict_seconds = 0.0;
  double first_loss_difference = 0.0;  // relative, of the mean loss of the first epoch
};

/// The networks of the comparison: 784-100-10, 4 x 100 relu and tanh, 784-1024-10, 784-64-10.
const std::vector<TrainingCase>& training_cases();

TrainingComparison compare_training(const TrainingCase& network, const data::Digits& digits,
                                    const TrainingBenchOptions& options);

double median(std::vector<double> values);

}  // namespace weft::bench
