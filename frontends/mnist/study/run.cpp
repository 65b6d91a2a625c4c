#include "weft/frontends/mnist/study/run.h"

#include "weft/frontends/metrics.h"
#include "weft/frontends/mnist/evaluation.h"
#include "weft/frontends/mnist/study/fingerprint.h"
#include "weft/frontends/train.h"
#include "weft/ops/source.h"

namespace weft::mnist {
namespace {

MlpConfig network_of(const Dialect& dialect, const Configuration& configuration, std::int64_t inputs) {
  return {.inputs = inputs,
          .layers = configuration.layers,
          .classes = data::kDigitClasses,
          .activation = configuration.activation,
          .initializer = dialect.initializer.weights,
          .bias_initializer = dialect.initializer.biases,
          .deviation = dialect.initializer.deviation,
          .dropout = dialect.dropout};
}

std::int64_t steps_of(std::int64_t samples, std::int64_t batch, std::int64_t epochs) {
  return epochs * ((samples + batch - 1) / batch);
}

FunctionSpec step_of(Graph& graph, const Mlp& mlp, const Dialect& dialect, const StudyData& data,
                     const PixelScale& pixels, std::int64_t epochs) {
  return training_step(mlp, constant(graph, data.train.images), constant(graph, data.train.labels),
                       dialect.optimizer,
                       {.pixels = pixels,
                        .label_smoothing = dialect.label_smoothing,
                        .steps = steps_of(data.train.images.sizes()[0], dialect.batch, epochs)});
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
      batch_(dialect.batch),
      pixels_(pixel_scale(dialect.input, data)),
      mlp_(graph_, network_of(dialect, configuration, data.train.images.sizes()[1])),
      session_(graph_, {.threads = options.threads, .seed = options.seed}),
      step_(step_of(graph_, mlp_, dialect, data, pixels_, options.epochs)),
      probe_(session_, graph_, mlp_, configuration.activation, data, pixels_),
      predict_(session_.compile(prediction(graph_, mlp_, data.train.images.sizes()[1], pixels_))) {}

Measured Trainer::train() {
  Measured measured;
  measured.plan_hash = plan_hash(session_, step_, batch_);
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
                                .batch_size = batch_,
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
