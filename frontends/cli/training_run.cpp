#include "weft/frontends/cli/training_run.h"

#include <fmt/format.h>

#include <cmath>

#include "weft/frontends/cli/progress.h"
#include "weft/frontends/metrics.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/frontends/ranks/agreement.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/save.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/checkpoint.h"

namespace weft::cli {

namespace {

// Metadata of weft's own begin with this, and those of a model must not.
constexpr std::string_view kOwnPrefix = "weft.";

Metadata metadata_for_model(const Metadata& metadata) {
  Metadata made;
  for (const auto& [key, text] : metadata) made.emplace(key.substr(kOwnPrefix.size()), text);
  return made;
}

Metadata metadata_of(const onnx::Model& model) {
  Metadata made;
  for (const auto& [key, text] : model.metadata()) made.emplace(std::string(kOwnPrefix) + key, text);
  return made;
}

}  // namespace

bool is_onnx(const std::filesystem::path& path) { return path.extension() == ".onnx"; }

mnist::SavedTraining saved_training(const std::filesystem::path& path, Communicator* ranks) {
  const Metadata metadata = ranks::metadata_of_first_rank(ranks, [&] {
    return is_onnx(path) ? metadata_of(onnx::load_model(path)) : CheckpointReader(path).metadata();
  });
  return mnist::from_metadata(metadata, path.string());
}

TrainingSplit split(const data::Dataset& all, double share) {
  const std::int64_t count = all.images.sizes()[0];
  const std::int64_t held_out = std::llround(share * static_cast<double>(count));
  if (share > 0.0 && (held_out == 0 || held_out == count)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a validation share of {} leaves no images to {}", share,
                            held_out == 0 ? "validate with" : "train on"),
                {.actual = fmt::format("{} training images", count)});
  }
  const std::int64_t trained = count - held_out;
  return {.train = {.images = all.images.rows(0, trained), .labels = all.labels.rows(0, trained)},
          .held_out = {.images = all.images.rows(trained, held_out),
                       .labels = all.labels.rows(trained, held_out)}};
}

TrainingRun::TrainingRun(const mnist::TrainingConfig& config, const TrainingSplit& data,
                         const SessionOptions& options, const std::optional<std::filesystem::path>& resume)
    : data_(data),
      saved_{.config = config, .position = {}, .best = {}},
      mlp_(graph_, config.model),
      session_(graph_, options),
      spec_(mnist::training_step(mlp_, constant(graph_, data.train.images),
                                 constant(graph_, data.train.labels), config,
                                 options.communicator != nullptr)) {
  if (config.validation > 0.0)
    best_weights_ = std::make_unique<mnist::BestWeights>(session_, mlp_.parameters());
  if (resume) load(*resume);  // it is checked before anything is allocated by its metadata
  ranks::expect_same_function(session_, spec_, Where());
  ranks::synchronize(session_, graph_);
  ranks::separate_random_numbers(session_);
  step_ = std::make_unique<Function>(session_.compile(spec_));
  prediction_ = mnist::prediction(graph_, mlp_, config.model.inputs, config.pixels);
  predict_ = std::make_unique<Function>(session_.compile(prediction_));
}

void TrainingRun::exchange_weights() {
  if (!best_weights_ || saved_.best.epoch == 0) return;
  best_weights_->exchange();
  best_is_current_ = !best_is_current_;
}

Metadata TrainingRun::load_onnx(const std::filesystem::path& path) {
  onnx::Model model = onnx::load_model(path);
  if (best_weights_)
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: a model does not hold the last weights beside the best ones", path.string()),
                {.expected = "a checkpoint, where images are held out"});
  for (const auto& [label, declared] : graph_.states()) {
    if (model.graph().states().contains(label)) continue;
    throw Error(ErrorCode::bad_file, fmt::format("{}: the model lacks '{}'", path.string(), label),
                {.expected = "a model with the function train_step"});
  }
  for (const auto& [label, declared] : graph_.states()) session_.set(label, model.session().value(label));
  session_.set_random_position(model.session().random_position());
  return metadata_of(model);
}

void TrainingRun::load(const std::filesystem::path& path) {
  const Metadata metadata =
      is_onnx(path) ? ranks::metadata_of_first_rank(communicator(), [&] { return load_onnx(path); })
                    : ranks::load(session_, graph_, path);
  const mnist::SavedTraining read = mnist::from_metadata(metadata, path.string());
  saved_.position = read.position;
  saved_.best = read.best;
  exchange_weights();
  best_is_current_ = false;
}

void TrainingRun::save(const std::filesystem::path& path) {
  with_best_weights([&] { ranks::save(session_, graph_, path, mnist::to_metadata(saved_)); });
}

std::string TrainingRun::save_onnx(const std::filesystem::path& path) {
  // A graph of its own: the step of the training holds the data set.
  const mnist::TrainingConfig& config = saved_.config;
  Graph graph;
  const mnist::Mlp mlp(graph, config.model);
  const Value images = input(graph, "images", u8, {"batch", config.model.inputs});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const Value logits = mlp(mnist::scale_pixels(images, config.pixels));
  const onnx::NamedFunction predict{.name = "predict",
                                    .spec = {.inputs = {images}, .outputs = {argmax(logits), logits}},
                                    .outputs = {"classes", "logits"}};
  const onnx::NamedFunction step{
      .name = "train_step",
      .spec = mnist::fed_training_step(mlp, images, labels, data_.train.images.sizes()[0], config)};
  const onnx::SaveModelOptions options{.metadata = metadata_for_model(mnist::to_metadata(saved_)),
                                       .name = "digits"};
  std::string left_out;
  const auto write = [&] {
    Session session(graph, {.share = &session_});
    session.set_random_position(session_.random_position());
    try {
      onnx::save_model(path, session, {predict, step}, options);
    } catch (const Error& error) {
      // Some losses and schedules have no form in ONNX; the network has one.
      if (error.code() != ErrorCode::unsupported) throw;
      onnx::save_model(path, session, {predict}, options);
      left_out = error.message();
    }
  };
  with_best_weights([&] { ranks::on_first_rank(communicator(), write); });
  return left_out;
}

void TrainingRun::finish() {
  if (!best_is_current_) exchange_weights();
}

bool TrainingRun::out_of_patience() const {
  const std::int64_t patience = saved_.config.patience;
  return patience > 0 && saved_.best.epoch > 0 && saved_.position.epoch - saved_.best.epoch >= patience;
}

double TrainingRun::validate() {
  const double reached =
      accuracy(mnist::predict_all(*predict_, data_.held_out.images, communicator()), data_.held_out.labels);
  if (saved_.best.epoch == 0 || reached > saved_.best.accuracy) {
    saved_.best = {.epoch = saved_.position.epoch, .accuracy = reached};
    best_weights_->keep();
  }
  return reached;
}

bool TrainingRun::stop_requested(const std::atomic<bool>* stop) const {
  const bool here = stop != nullptr && stop->load(std::memory_order_relaxed);
  return ranks::sum(communicator(), here ? 1.0 : 0.0) > 0.0;
}

TrainingResult TrainingRun::train(std::FILE* talk, const std::atomic<bool>* stop,
                                  const std::function<void()>& after_epoch) {
  TrainingResult result;
  const mnist::TrainingConfig& config = saved_.config;
  const FitObserver bar = progress_on(talk, config.epochs);
  while (saved_.position.epoch < config.epochs && !out_of_patience()) {
    const FitResult fitted = fit(*step_,
                                 {.samples = data_.train.images.sizes()[0],
                                  .epochs = saved_.position.epoch + 1,
                                  .batch_size = config.batch,
                                  .seed = config.seed,
                                  .start = saved_.position,
                                  .stop = stop,
                                  .communicator = communicator()},
                                 bar, Where());
    saved_.position = fitted.position;
    result.seconds += fitted.seconds;
    result.interrupted = fitted.interrupted;
    if (result.interrupted) break;
    result.epochs.push_back(fitted.epochs.back());
    if (best_weights_) result.validation_accuracies.push_back(validate());
    print_epoch(talk, result.epochs.back(), config.epochs,
                best_weights_ ? std::optional(result.validation_accuracies.back()) : std::nullopt);
    if (after_epoch) after_epoch();
    result.interrupted = stop_requested(stop) && saved_.position.epoch < config.epochs && !out_of_patience();
    if (result.interrupted) break;
  }
  return result;
}

mnist::Evaluation TrainingRun::evaluate(const data::Dataset& images) {
  return mnist::evaluate(*predict_, images, communicator());
}

}  // namespace weft::cli
