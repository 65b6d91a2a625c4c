#include "weft/frontends/mnist/study/run.h"

#include "weft/frontends/metrics.h"
#include "weft/frontends/mnist/evaluation.h"
#include "weft/frontends/mnist/study/fingerprint.h"
#include "weft/frontends/train.h"
#include "weft/ops/source.h"

namespace weft::mnist {
namespace {

TrainingConfig config_of(const Dialect& dialect, const Configuration& configuration, const StudyData& data,
                         std::int64_t epochs) {
  TrainingConfig config = training_of(dialect);
  config.model.inputs = data.train.images.sizes()[1];
  config.model.layers = configuration.layers;
  config.model.classes = data::kDigitClasses;
  config.model.activation = configuration.activation;
  config.pixels = pixel_scale(dialect.input, data);
  config.epochs = epochs;
  return config;
}

std::string plan_hash(Session& session, const FunctionSpec& step, std::int64_t batch) {
  Fingerprint hash;
  session.inspect(step, {{"batch", batch}}, [&](std::string_view stage, const std::string& text) {
    if (stage == "schedule" || stage == "memory") hash.add(text);
  });
  return hash.text();
}

}  // namespace

Trainer::Trainer(const Dialect& dialect, const Configuration& configuration, const StudyData& data,
                 const RunOptions& options)
    : data_(data),
      options_(options),
      config_(config_of(dialect, configuration, data, options.epochs)),
      mlp_(graph_, config_.model),
      session_(graph_, {.threads = options.threads, .seed = options.seed}),
      step_(training_step(mlp_, constant(graph_, data.train.images), constant(graph_, data.train.labels),
                          config_)),
      probe_(session_, graph_, mlp_, configuration.activation, data, config_.pixels),
      predict_(session_.compile(prediction(graph_, mlp_, config_.model.inputs, config_.pixels))) {}

Measured Trainer::train() {
  Measured measured;
  measured.plan_hash = plan_hash(session_, step_, config_.batch);
  measured.at_start = probe_.measure();
  Function step = session_.compile(step_);
  FitObserver observer;
  observer.epoch = [&](const EpochResult& epoch) {
    measured.losses.push_back(epoch.loss);
    measured.train_seconds += epoch.seconds;
    measured.accuracies.push_back(accuracy(predict_test(), data_.test.labels));
    if (options_.epoch_done) options_.epoch_done(epoch.epoch);
  };
  try {
    measured.interrupted = fit(step,
                               {.samples = data_.train.images.sizes()[0],
                                .epochs = options_.epochs,
                                .batch_size = config_.batch,
                                .seed = options_.seed,
                                .stop = options_.stop},
                               observer)
                               .interrupted;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::numeric) throw;
    measured.diverged = error.message();
  }
  if (measured.interrupted) return measured;
  measured.at_end = probe_.measure();
  const Evaluation test = evaluate(predict_, data_.test);
  measured.accuracy = test.accuracy;
  measured.predict_seconds = test.seconds;
  return measured;
}

Tensor Trainer::predict_test() { return predict_all(predict_, data_.test.images); }

}  // namespace weft::mnist
