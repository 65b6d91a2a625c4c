#pragma once
// The work of `weft train`: trains a network epoch by epoch, examines it on the images held out, and saves it
// so that a resumed training gives the same bits.

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/frontends/data/mnist.h"
#include "weft/frontends/mnist/best_weights.h"
#include "weft/frontends/mnist/evaluation.h"
#include "weft/frontends/mnist/training_config.h"

namespace weft::cli {

/// The images to train on, and those held out, which are the last share of the training images.
struct TrainingSplit {
  data::Dataset train;
  data::Dataset held_out;  // empty where the share is 0
};
/// Throws Error(invalid_argument) for a share that leaves one of them without images.
TrainingSplit split(const data::Dataset& all, double share);

/// Whether a file is an ONNX model, by its name; anything else is a checkpoint.
bool is_onnx(const std::filesystem::path& path);
/// What a checkpoint or a model says of the training that saved it. Throws Error(bad_file) for any other
/// file. In a job rank 0 reads it, and all ranks get what it says.
mnist::SavedTraining saved_training(const std::filesystem::path& path, Communicator* ranks = nullptr);

struct TrainingResult {
  std::vector<EpochResult> epochs;
  std::vector<double> validation_accuracies;  // after each epoch; empty if nothing is held out
  double seconds = 0.0;
  bool interrupted = false;
};

class TrainingRun {
 public:
  /// `options.seed` is the configuration's; the ranks of its communicator train together, and must have the
  /// same of everything: what differs is an error that names the rank. `resume` names a checkpoint or a model
  /// of such a training to continue. A model does not do with images held out, since it has no room for the
  /// best weights beside the last ones. The split must outlive the run.
  TrainingRun(const mnist::TrainingConfig& config, const TrainingSplit& data, const SessionOptions& options,
              const std::optional<std::filesystem::path>& resume);

  /// Trains until the epochs are done, patience has run out, or `stop` is set; on any rank of a job for all
  /// of them. Reports epochs on `talk`. Calls `after_epoch`, if there is one, after each complete epoch.
  TrainingResult train(std::FILE* talk, const std::atomic<bool>* stop,
                       const std::function<void()>& after_epoch = {});
  /// Ends the training: sets the weights of the best epoch, if images were held out.
  void finish();
  /// Writes a checkpoint whose weights are the best so far, on rank 0; so does save_onnx.
  void save(const std::filesystem::path& path);
  /// Writes these weights as an ONNX model with two functions: "predict", from pixels u8 [batch, inputs] as
  /// "images" to "classes", i64 [batch], and "logits", f32 [batch, classes]; and "train_step", which takes
  /// "labels", u8 [batch], too. Where the step has no form in ONNX it is left out, and the text says
  /// why; otherwise it is empty.
  std::string save_onnx(const std::filesystem::path& path);

  /// Evaluates the current weights.
  mnist::Evaluation evaluate(const data::Dataset& images);
  const TrainPosition& position() const { return saved_.position; }
  const mnist::BestEpoch& best() const { return saved_.best; }
  /// Whether the last `patience` epochs were not better.
  bool out_of_patience() const;

 private:
  void load(const std::filesystem::path& path);
  Metadata load_onnx(const std::filesystem::path& path);
  double validate();
  Communicator* communicator() const { return session_.communicator().get(); }
  bool stop_requested(const std::atomic<bool>* stop) const;
  void exchange_weights();
  /// Does something while the best weights are the session's.
  template <typename Work>
  void with_best_weights(const Work& work) {
    const bool exchanged = !best_is_current_;
    if (exchanged) exchange_weights();
    work();
    if (exchanged) exchange_weights();
  }

  const TrainingSplit& data_;
  mnist::SavedTraining saved_;
  Graph graph_;
  mnist::Mlp mlp_;
  Session session_;
  FunctionSpec spec_;
  FunctionSpec prediction_;
  std::unique_ptr<mnist::BestWeights> best_weights_;  // null without a validation share
  bool best_is_current_ = false;
  std::unique_ptr<Function> step_;  // both are set from the constructor on
  std::unique_ptr<Function> predict_;
};

}  // namespace weft::cli
