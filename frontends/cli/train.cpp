#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/interrupt.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/progress.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/mnist/evaluation.h"
#include "weft/graph/text.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/checkpoint.h"
#include "weft/runtime/files/file_system.h"
#include "weft/runtime/files/json_text.h"

namespace weft::cli {
namespace {

struct TrainArgs {
  std::optional<std::filesystem::path> data;
  mnist::TrainingConfig config;
  std::int64_t epochs = 10;
  ThreadOptions threads;
  SkipZeros skip_zeros = SkipZeros::automatic;
  std::optional<std::filesystem::path> save;
  std::optional<std::filesystem::path> resume;
  bool json = false;
};

struct Outcome {
  FitResult fit;
  double predict_seconds = 0.0;
  double test_accuracy = 0.0;
};

double peak_rss_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr double kKibibytes = 1024.0;
  return static_cast<double>(usage.ru_maxrss) / kKibibytes;
}

/// What a flag says must be what the checkpoint says, unless it may change between runs.
template <typename T>
void expect_same(const CLI::App& app, const std::string& flag, const T& given, const T& saved) {
  if (app.count(flag) == 0 || given == saved) return;
  throw CLI::ValidationError(
      fmt::format("{}: the checkpoint was trained with {}, not {}", flag, saved, given));
}

/// Takes the configuration from the checkpoint to resume; only --lr, --epochs and --threads may differ.
TrainPosition resume_config(const CLI::App& app, const std::filesystem::path& path, TrainArgs& args) {
  const mnist::SavedTraining saved = mnist::from_metadata(read_checkpoint(path).metadata, path.string());
  const mnist::TrainingConfig given = args.config;
  expect_same(app, "--layers", fmt::format("{}", fmt::join(given.model.layers, ",")),
              fmt::format("{}", fmt::join(saved.config.model.layers, ",")));
  expect_same(app, "--activation", given.model.activation, saved.config.model.activation);
  expect_same(app, "--init", given.model.initializer, saved.config.model.initializer);
  expect_same(app, "--batch", given.batch, saved.config.batch);
  expect_same(app, "--optimizer", given.optimizer.name, saved.config.optimizer.name);
  expect_same(app, "--seed", given.seed, saved.config.seed);
  args.config = saved.config;
  if (app.count("--lr") > 0) args.config.optimizer.learning_rate = given.optimizer.learning_rate;
  return saved.position;
}

/// An unwritable target is found before the training, not after it.
void expect_writable(const std::filesystem::path& path) { const AtomicFile probe(path); }

void print_json(const TrainArgs& args, const data::Digits& digits, const Outcome& outcome) {
  std::vector<double> seconds;
  std::vector<double> losses;
  for (const EpochResult& epoch : outcome.fit.epochs) {
    seconds.push_back(epoch.seconds);
    losses.push_back(epoch.loss);
  }
  const nlohmann::ordered_json line{{"epochs", outcome.fit.position.epoch},
                                    {"train_seconds", outcome.fit.seconds},
                                    {"seconds_per_epoch", seconds},
                                    {"predict_seconds", outcome.predict_seconds},
                                    {"test_accuracy", outcome.test_accuracy},
                                    {"train_loss", losses},
                                    {"threads", args.threads.threads},
                                    {"batch", args.config.batch},
                                    {"layers", args.config.model.layers},
                                    {"activation", args.config.model.activation},
                                    {"optimizer", args.config.optimizer.name},
                                    {"lr", args.config.optimizer.rate()},
                                    {"init", args.config.model.initializer},
                                    {"seed", args.config.seed},
                                    {"data", digits.source},
                                    {"synthetic", digits.synthetic},
                                    {"peak_rss_mb", peak_rss_mb()}};
  fmt::print("{}\n", json_text(line));
}

int train(const CLI::App& app, TrainArgs args) {
  std::FILE* const talk = args.json ? stderr : stdout;
  TrainPosition start;
  if (args.resume) start = resume_config(app, *args.resume, args);
  if (args.save) expect_writable(*args.save);
  const data::Digits digits = data::load_digits(args.data, args.config.seed);
  const std::int64_t samples = digits.train.images.sizes()[0];
  if (!args.resume) args.config.model.inputs = digits.train.images.sizes()[1];

  Graph graph;
  const mnist::Mlp mlp(graph, args.config.model);
  Session session(graph, {.threads = args.threads.threads,
                          .seed = args.config.seed,
                          .compile = {.cuts = args.threads.cuts, .skip_zeros = args.skip_zeros}});
  const FunctionSpec spec = mnist::training_step(mlp, constant(graph, digits.train.images),
                                                 constant(graph, digits.train.labels), args.config.optimizer);
  if (args.resume) session.load(*args.resume);  // before anything is allocated on the word of its metadata
  Function step = session.compile(spec);

  fmt::print(talk, "{}: {} training and {} test images\n", digits.source, samples,
             digits.test.images.sizes()[0]);
  fmt::print(talk, "{}-{}{}{} {}, {} {}, batch {}, {} thread{}, seed {}\n", args.config.model.inputs,
             fmt::join(args.config.model.layers, "-"), args.config.model.layers.empty() ? "" : "-",
             args.config.model.classes, args.config.model.activation, args.config.optimizer.name,
             args.config.optimizer.rate(), args.config.batch, args.threads.threads,
             args.threads.threads == 1 ? "" : "s", args.config.seed);
  std::fflush(talk);
  const InterruptWatch interrupt;
  const FitResult fitted = fit(step,
                               {.samples = samples,
                                .epochs = args.epochs,
                                .batch_size = args.config.batch,
                                .seed = args.config.seed,
                                .start = start,
                                .stop = interrupt.flag()},
                               progress_on(talk, args.epochs));
  if (args.save)
    session.save(*args.save, mnist::to_metadata({.config = args.config, .position = fitted.position}));
  if (fitted.interrupted) {
    fmt::print(stderr, "\nweft: interrupted in epoch {} after {} batches; {}\n", fitted.position.epoch + 1,
               fitted.position.batch,
               args.save ? fmt::format("go on with --resume {}", printable(args.save->string()))
                         : "nothing was saved (see --save)");
    return kInterrupted;
  }
  Function predict = session.compile(mnist::prediction(graph, mlp, digits.test.images.sizes()[1]));
  const mnist::Evaluation test = mnist::evaluate(predict, digits.test);
  const Outcome outcome{.fit = fitted, .predict_seconds = test.seconds, .test_accuracy = test.accuracy};
  if (args.json) {
    print_json(args, digits, outcome);
    return kSuccess;
  }
  fmt::print(
      "trained in {:.2f} s; {:.2f}% of the test images right, predicted in {:.1f} ms; at most {:.0f} MB{}\n",
      fitted.seconds, 100.0 * outcome.test_accuracy, 1000.0 * outcome.predict_seconds, peak_rss_mb(),
      digits.synthetic
          ? "\nThese digits are synthetic, not MNIST: do not compare the figures with published ones."
          : "");
  if (args.save) fmt::print("saved to {}\n", printable(args.save->string()));
  return kSuccess;
}

}  // namespace

Registered add_train(CLI::App& weft) {
  auto args = std::make_shared<TrainArgs>();
  CLI::App* app = weft.add_subcommand("train", "Trains a fully connected network on handwritten digits");
  app->add_option("--data", args->data,
                  "Folder with MNIST's four files; else $WEFT_MNIST, else ~/.cache/weft/mnist, "
                  "else synthetic digits")
      ->type_name("DIR");
  add_model_options(*app, args->config);
  constexpr std::int64_t kMostEpochs = 1'000'000;
  app->add_option("--epochs", args->epochs, "Epochs in all, those before a --resume included")
      ->check(CLI::Range(std::int64_t{1}, kMostEpochs));
  add_thread_options(*app, args->threads);
  add_sparse_option(*app, args->skip_zeros);
  app->add_option("--save", args->save, "Writes a checkpoint at the end, or on Ctrl-C")->type_name("FILE");
  app->add_option("--resume", args->resume, "Goes on from a checkpoint")->type_name("FILE");
  app->add_flag("--json", args->json, "Prints one line of JSON at the end; the rest goes to stderr");
  return {app, [app, args] { return train(*app, *args); }};
}

}  // namespace weft::cli
