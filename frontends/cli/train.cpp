#include <fmt/format.h>
#include <sys/resource.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/interrupt.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/cli/training_run.h"
#include "weft/frontends/data/mnist.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"
#include "weft/runtime/files/json_text.h"

namespace weft::cli {
namespace {

struct TrainArgs {
  std::optional<std::filesystem::path> data;
  TrainingFlags flags;
  ThreadOptions threads;
  SkipZeros skip_zeros = SkipZeros::automatic;
  Precision products = Precision::f32;
  std::optional<std::filesystem::path> save;
  std::optional<std::filesystem::path> resume;
  bool json = false;
};

double peak_rss_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr double kKibibytes = 1024.0;
  return static_cast<double>(usage.ru_maxrss) / kKibibytes;
}

/// From the flags, or from the file to resume.
mnist::TrainingConfig config_of(const TrainArgs& args) {
  if (!args.resume) return args.flags.config();
  return args.flags.resumed(saved_training(*args.resume).config);
}

/// Finds an unwritable target before the training and not after it.
void expect_writable(const std::filesystem::path& path) { const AtomicFile probe(path); }

void save(TrainingRun& run, const std::filesystem::path& path) {
  if (is_onnx(path)) {
    const std::string left_out = run.save_onnx(path);
    if (!left_out.empty()) fmt::print(stderr, "weft: the model has no function train_step: {}\n", left_out);
  } else {
    run.save(path);
  }
}

std::string how_to_continue(const std::optional<std::filesystem::path>& path,
                            const mnist::TrainingConfig& config) {
  if (!path) return "nothing was saved (see --save)";
  const std::string name = printable(path->string());
  return is_onnx(*path) && config.validation > 0.0 ? "saved to " + name : "continue with --resume " + name;
}

void print_json(const TrainArgs& args, const mnist::TrainingConfig& config, const data::Digits& digits,
                const TrainingRun& run, const TrainingResult& result, const mnist::Evaluation& test) {
  std::vector<double> seconds;
  std::vector<double> losses;
  for (const EpochResult& epoch : result.epochs) {
    seconds.push_back(epoch.seconds);
    losses.push_back(epoch.loss);
  }
  nlohmann::ordered_json line{{"epochs", run.position().epoch},
                              {"train_seconds", result.seconds},
                              {"seconds_per_epoch", seconds},
                              {"predict_seconds", test.seconds},
                              {"test_accuracy", test.accuracy},
                              {"train_loss", losses},
                              {"threads", args.threads.threads},
                              {"batch", config.batch},
                              {"layers", config.model.layers},
                              {"activation", config.model.activation},
                              {"optimizer", config.optimizer.name},
                              {"lr", config.optimizer.rate()},
                              {"schedule", config.optimizer.schedule.kind},
                              {"init", config.model.initializer},
                              {"seed", config.seed},
                              {"data", digits.source},
                              {"synthetic", digits.synthetic},
                              {"peak_rss_mb", peak_rss_mb()}};
  if (config.validation > 0.0) {
    line["validation_accuracy"] = result.validation_accuracies;
    line["best_epoch"] = run.best().epoch;
  }
  fmt::print("{}\n", json_text(line));
}

void print_start(std::FILE* talk, const TrainArgs& args, const mnist::TrainingConfig& config,
                 const data::Digits& digits, const TrainingSplit& data) {
  const std::int64_t held_out = data.held_out.images.sizes()[0];
  fmt::print(talk, "{}: {} training{} and {} test images\n", printable(digits.source),
             data.train.images.sizes()[0], held_out == 0 ? "" : fmt::format(", {} validation", held_out),
             digits.test.images.sizes()[0]);
  fmt::print(talk, "{}, {}, batch {}, {} thread{}, seed {}\n", network_in_words(config.model),
             describe(config.optimizer), config.batch, args.threads.threads,
             args.threads.threads == 1 ? "" : "s", config.seed);
  std::fflush(talk);
}

void print_end(const mnist::TrainingConfig& config, const data::Digits& digits, const TrainingRun& run,
               const TrainingResult& result, const mnist::Evaluation& test) {
  if (run.out_of_patience() && run.position().epoch < config.epochs) {
    fmt::print("stopped early: no better validation accuracy since epoch {}\n", run.best().epoch);
  }
  if (run.best().epoch > 0) {
    fmt::print("kept the weights of epoch {}, whose validation accuracy is {:.2f}%\n", run.best().epoch,
               100.0 * run.best().accuracy);
  }
  fmt::print(
      "trained in {:.2f} s; {:.2f}% of the test images right, predicted in {:.1f} ms; at most {:.0f} MB\n",
      result.seconds, 100.0 * test.accuracy, 1000.0 * test.seconds, peak_rss_mb());
  if (digits.synthetic) {
    fmt::print("These digits are synthetic, not MNIST: do not compare the figures with published ones.\n");
  }
}

int train(const TrainArgs& args) {
  std::FILE* const talk = args.json ? stderr : stdout;
  mnist::TrainingConfig config = config_of(args);
  if (args.save) expect_writable(*args.save);
  const data::Digits digits = data::load_digits(args.data, config.seed);
  const TrainingSplit data = split(digits.train, config.validation);
  if (!args.resume) {
    config.model.inputs = data.train.images.sizes()[1];
    args.flags.scale_pixels(data.train.images, config);
  }
  TrainingRun run(
      config, data,
      {.threads = args.threads.threads,
       .seed = config.seed,
       .compile = {.cuts = args.threads.cuts, .products = args.products, .skip_zeros = args.skip_zeros}},
      args.resume);
  print_start(talk, args, config, digits, data);
  const InterruptWatch interrupt;
  const TrainingResult result = run.train(talk, interrupt.flag());
  if (args.save) save(run, *args.save);
  if (result.interrupted) {
    fmt::print(stderr, "\nweft: interrupted in epoch {} after {} batches; {}\n", run.position().epoch + 1,
               run.position().batch, how_to_continue(args.save, config));
    return kInterrupted;
  }
  run.finish();
  const mnist::Evaluation test = run.evaluate(digits.test);
  if (args.json) {
    print_json(args, config, digits, run, result, test);
    return kSuccess;
  }
  print_end(config, digits, run, result, test);
  if (args.save) fmt::print("saved to {}\n", printable(args.save->string()));
  return kSuccess;
}

}  // namespace

Registered add_train(CLI::App& weft) {
  auto args = std::make_shared<TrainArgs>();
  CLI::App* app = weft.add_subcommand("train", "Trains a fully connected network on handwritten digits");
  args->flags.add_to(*app, {.runs_epochs = true});
  add_data_option(*app, args->data);
  app->add_option("--save", args->save,
                  "Writes a checkpoint at the end, or on Ctrl-C; a FILE.onnx gets the functions predict and "
                  "train_step")
      ->type_name("FILE")
      ->group(kFileGroup);
  app->add_option("--resume", args->resume, "Continues the training of a checkpoint or a FILE.onnx")
      ->type_name("FILE")
      ->group(kFileGroup);
  app->add_flag("--json", args->json, "Prints one line of JSON at the end; the rest goes to stderr")
      ->group(kFileGroup);
  add_thread_options(*app, args->threads);
  add_sparse_option(*app, args->skip_zeros);
  add_precision_option(*app, args->products);
  app->footer(choices_in_words);
  return {app, [args] { return train(*args); }};
}

}  // namespace weft::cli
