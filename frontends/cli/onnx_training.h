#pragma once
// Fine-tunes a model: imports it once to train it and once to use and save it, with the same weights.

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/frontends/cli/onnx_losses.h"
#include "weft/frontends/cli/onnx_samples.h"
#include "weft/frontends/mnist/training_config.h"
#include "weft/frontends/train.h"

namespace weft::cli {

struct OnnxTrainingConfig {
  mnist::TrainingConfig training;  // its optimizer, batch, epochs and seed
  std::string loss = "cross_entropy";
  std::string output;               // the one that is compared with the targets; "": the first
  std::vector<std::string> freeze;  // patterns of the names of what stays as it is, running means included
  /// Its seed is the training's. The ranks of its communicator train together; layers that look at a whole
  /// batch, such as batch norm, see the rows of one rank, and running means become those of all ranks.
  SessionOptions session{};
};

struct OnnxScore {
  double loss = 0.0;                 // mean over the samples
  std::optional<double> accuracy{};  // of labels
};

class OnnxTraining {
 public:
  /// Imports the model. `samples` must outlive the training. Throws Error(unsupported) for a model that
  /// cannot be imported or is a training step already, Error(invalid_argument) where nothing is left to
  /// train, and Error(shape_mismatch) for an output that does not fit the targets.
  OnnxTraining(const onnx::ModelProto& model, const OnnxFile& file, const Samples& samples,
               const OnnxTrainingConfig& config);

  /// How many parameters are trained, and how many there are.
  std::size_t trained() const { return trained_; }
  std::size_t parameters() const { return step_.imported.parameters.size(); }

  /// Trains all epochs, or until `stop` is set. Reports epochs on `talk`.
  FitResult train(std::FILE* talk, const std::atomic<bool>* stop);
  /// How good the model is on samples, as it predicts: nothing drops out, and running means count.
  OnnxScore evaluate(const Samples& samples);
  /// Writes the model with its weights of now, on rank 0.
  void save(const std::filesystem::path& path);

 private:
  /// One import of the model, and its parameters' values.
  struct Copy {
    std::unique_ptr<Graph> graph = std::make_unique<Graph>();
    onnx::Imported imported{};
    std::unique_ptr<Session> session{};
    Value output{};  // [batch, ...]
  };
  Copy import_copy(const onnx::ModelProto& model, const OnnxFile& file, onnx::Mode mode) const;
  Value target_input(const Copy& copy) const;
  /// Throws Error(invalid_argument) for a pattern that fits no parameter and no running mean.
  void expect_frozen() const;
  std::vector<Value> trained_weights(const Value& loss) const;
  /// The updates of running means and variances that are not frozen.
  std::vector<Value> buffer_updates() const;
  Communicator* communicator() const { return config_.session.communicator.get(); }
  void compile_step();
  void compile_score();
  void take_weights();
  /// The samples as the functions take them.
  std::vector<Tensor> feeds_of(const Samples& samples) const;

  const Samples& samples_;
  OnnxTrainingConfig config_;
  const OnnxLoss& loss_;
  std::string name_;  // of the model's graph
  Copy step_;
  Copy use_;
  std::size_t trained_ = 0;
  std::unique_ptr<Function> train_;  // both are set from the constructor on
  std::unique_ptr<Function> score_;
};

}  // namespace weft::cli
