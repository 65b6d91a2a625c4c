#pragma once
// One run of the study: a network trained from one seed and measured.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "weft/frontends/mnist/configurations.h"
#include "weft/frontends/mnist/study/dialect.h"
#include "weft/frontends/mnist/study/probe.h"
#include "weft/frontends/mnist/study/study_data.h"

namespace weft::mnist {

struct RunOptions {
  std::int64_t epochs = 10;
  std::uint64_t seed = 1;
  int threads = 1;
  const std::atomic<bool>* stop = nullptr;
  std::function<void(std::int64_t epoch)> epoch_done = nullptr;
};

struct Measured {
  std::vector<double> losses;      // mean training loss of each epoch
  std::vector<double> accuracies;  // of the test images after each epoch; not part of the training time
  double train_seconds = 0.0;
  double predict_seconds = 0.0;      // of all test images
  double accuracy = 0.0;             // of the test images, in [0, 1]
  std::vector<LayerNorms> at_start;  // of each layer before the first step
  std::vector<LayerNorms> at_end;
  std::string plan_hash;     // of the compiled step
  std::string diverged;      // why the training ended early; otherwise empty
  bool interrupted = false;  // then all else is meaningless
};

/// A network being trained and examined.
class Trainer {
 public:
  Trainer(const Dialect& dialect, const Configuration& configuration, const StudyData& data,
          const RunOptions& options);

  /// Trains all epochs. A loss that is not finite ends the training, and the result says so; the accuracy is
  /// then that of the weights at that point.
  Measured train();

  Graph& graph() { return graph_; }
  Session& session() { return session_; }
  const Mlp& mlp() const { return mlp_; }
  const PixelScale& pixels() const { return config_.pixels; }
  /// The classes of the test images with the current weights, i64 [n].
  Tensor predict_test();

 private:
  Graph graph_;
  const StudyData& data_;
  RunOptions options_;
  TrainingConfig config_;
  Mlp mlp_;
  Session session_;
  FunctionSpec step_;
  Probe probe_;
  Function predict_;
};

}  // namespace weft::mnist
