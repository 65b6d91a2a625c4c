#pragma once
// What must be known to continue a training or to use its model, and its form in a checkpoint.

#include <cstdint>

#include "weft/frontends/mnist/mlp.h"
#include "weft/frontends/train.h"

namespace weft::mnist {

/// Pixels and sizes come from the data and belong to the model; everything else is chosen.
struct TrainingConfig {
  MlpConfig model;
  OptimizerConfig optimizer;
  std::int64_t batch = 64;
  std::uint64_t seed = 1;
  PixelScale pixels{};
  std::string loss = "cross_entropy";  // see losses::named_class_losses
  double label_smoothing = 0.0;
  std::int64_t epochs = 10;  // in all; schedules that end reach their end with the last epoch
  double validation = 0.0;   // the share of the training images that is held out
  std::int64_t patience =
      0;  // how many epochs without a better validation accuracy end the training; 0: none

  bool operator==(const TrainingConfig&) const = default;
  static constexpr auto fields = std::tuple(
      Field{"", &TrainingConfig::model}, Field{"", &TrainingConfig::optimizer},
      Field{"batch", &TrainingConfig::batch}, Field{"seed", &TrainingConfig::seed},
      Field{"", &TrainingConfig::pixels}, Field{"loss", &TrainingConfig::loss},
      Field{"label_smoothing", &TrainingConfig::label_smoothing}, Field{"epochs", &TrainingConfig::epochs},
      Field{"validation", &TrainingConfig::validation}, Field{"patience", &TrainingConfig::patience});
};
static_assert(kListsEveryMember<TrainingConfig>);

/// The epoch whose weights were best on the images held out.
struct BestEpoch {
  std::int64_t epoch = 0;  // counted from 1; 0: there is none yet
  double accuracy = 0.0;

  bool operator==(const BestEpoch&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"best_epoch", &BestEpoch::epoch}, Field{"best_accuracy", &BestEpoch::accuracy});
};
static_assert(kListsEveryMember<BestEpoch>);

struct SavedTraining {
  TrainingConfig config;
  TrainPosition position;
  BestEpoch best{};

  bool operator==(const SavedTraining&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"", &SavedTraining::config}, Field{"", &SavedTraining::position},
                 Field{"", &SavedTraining::best});
};
static_assert(kListsEveryMember<SavedTraining>);

/// Throws Error(invalid_argument) for unknown names and numbers out of their bounds.
void validate(const TrainingConfig& config);

/// One step of such a training, on rows of `images`, u8 [samples, inputs], and `labels`, u8 [samples]; with
/// `over_ranks` on those of all ranks of a job.
FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const TrainingConfig& config, bool over_ranks = false);

/// The same step on a batch of such a training on `samples` images: see mnist::fed_training_step.
FunctionSpec fed_training_step(const Mlp& mlp, const Value& images, const Value& labels, std::int64_t samples,
                               const TrainingConfig& config);

/// The text for a checkpoint: every field by its name.
Metadata to_metadata(const SavedTraining& saved);
/// Throws Error(bad_file) when the metadata are not those of such a training; `path` is for the message. A
/// field that older versions did not write gets its default.
SavedTraining from_metadata(const Metadata& metadata, const std::string& path);

}  // namespace weft::mnist
