#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/interrupt.h"
#include "weft/frontends/cli/job.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/cli/training_run.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/ranks/agreement.h"
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
  std::optional<std::int64_t> save_every;  // epochs; without it, at the end
  JobOptions job;
  bool json = false;
};

using Ranks = std::shared_ptr<Communicator>;

double peak_rss_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr double kKibibytes = 1024.0;
  return static_cast<double>(usage.ru_maxrss) / kKibibytes;
}

/// From the flags, or from the file to resume.
mnist::TrainingConfig config_of(const TrainArgs& args, const Ranks& ranks) {
  if (!args.resume) return args.flags.config();
  return args.flags.resumed(saved_training(*args.resume, ranks.get()).config);
}

/// Flags that differ on ranks would let some of them wait for others. Files may have names of their own.
void expect_same_flags(const TrainArgs& args, const Ranks& ranks) {
  const auto every = static_cast<std::uint64_t>(args.save_every.value_or(0));
  ranks::expect_same(ranks.get(), "flags",
                     ranks::Digest()
                         .add(std::uint64_t{args.resume.has_value()})
                         .add(std::uint64_t{args.save.has_value()})
                         .add(std::uint64_t{args.save && is_onnx(*args.save)})
                         .add(every),
                     Where());
}

void expect_same_training(const mnist::TrainingConfig& config, const data::Digits& digits,
                          const Ranks& ranks) {
  ranks::expect_same(ranks.get(), "seed", ranks::Digest().add(config.seed), Where());
  ranks::Digest training;
  for (const auto& [key, text] : mnist::to_metadata({.config = config, .position = {}, .best = {}}))
    training.add(key).add(text);
  ranks::expect_same(ranks.get(), "flags", training, Where());
  ranks::Digest data;
  for (const data::Dataset* part : {&digits.train, &digits.test}) data.add(part->images).add(part->labels);
  ranks::expect_same(ranks.get(), "data", data, Where());
}

/// Finds an unwritable target before the training and not after it.
void expect_writable(const std::filesystem::path& path) { const AtomicFile probe(path); }

void save(TrainingRun& run, const std::filesystem::path& path) {
  if (is_onnx(path)) {
    const std::string left_out = run.save_onnx(path);  // empty on all ranks but the first
    if (!left_out.empty()) fmt::print(stderr, "weft: the model has no function train_step: {}\n", left_out);
  } else {
    run.save(path);
  }
}

/// Saves after every so many epochs. What a job of several ranks has done may be lost by any of them, so that
/// it saves after each.
std::function<void()> saving(const TrainArgs& args, const Ranks& ranks, TrainingRun& run) {
  const std::int64_t every = args.save_every.value_or(ranks ? 1 : 0);
  if (!args.save || every == 0) return {};
  return [&args, &run, every] {
    if (run.position().epoch % every == 0) save(run, *args.save);
  };
}

/// Images that were trained on in a second, by all ranks.
double throughput(const mnist::TrainingConfig& config, const TrainingSplit& data,
                  const TrainingResult& result) {
  const std::int64_t images = data.train.images.sizes()[0];
  const auto epochs = static_cast<double>(result.epochs.size());
  return result.seconds > 0.0 && config.batch > 0 ? epochs * static_cast<double>(images) / result.seconds
                                                  : 0.0;
}

std::string how_to_continue(const std::optional<std::filesystem::path>& path,
                            const mnist::TrainingConfig& config) {
  if (!path) return "nothing was saved (see --save)";
  const std::string name = printable(path->string());
  return is_onnx(*path) && config.validation > 0.0 ? "saved to " + name : "continue with --resume " + name;
}

void print_json(const TrainArgs& args, const Ranks& ranks, const mnist::TrainingConfig& config,
                const data::Digits& digits, const TrainingRun& run, const TrainingResult& result,
                const mnist::Evaluation& test) {
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
  if (ranks) line["ranks"] = ranks->size();
  if (config.validation > 0.0) {
    line["validation_accuracy"] = result.validation_accuracies;
    line["best_epoch"] = run.best().epoch;
  }
  fmt::print("{}\n", json_text(line));
}

void print_start(std::FILE* talk, const TrainArgs& args, const Ranks& ranks,
                 const mnist::TrainingConfig& config, const data::Digits& digits, const TrainingSplit& data) {
  const std::int64_t held_out = data.held_out.images.sizes()[0];
  fmt::print(talk, "{}: {} training{} and {} test images\n", printable(digits.source),
             data.train.images.sizes()[0], held_out == 0 ? "" : fmt::format(", {} validation", held_out),
             digits.test.images.sizes()[0]);
  fmt::print(talk, "{}, {}, batch {}, {}{} thread{}, seed {}\n", network_in_words(config.model),
             describe(config.optimizer), config.batch, ranks ? ranks_in_words(ranks) + " of " : "",
             args.threads.threads, args.threads.threads == 1 ? "" : "s", config.seed);
  std::fflush(talk);
}

void print_end(const Ranks& ranks, const mnist::TrainingConfig& config, const data::Digits& digits,
               const TrainingSplit& data, const TrainingRun& run, const TrainingResult& result,
               const mnist::Evaluation& test) {
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
  if (ranks)
    fmt::print("{} images/s by {} together\n", std::llround(throughput(config, data, result)),
               ranks_in_words(ranks));
  if (digits.synthetic) {
    fmt::print("These digits are synthetic, not MNIST: do not compare the figures with published ones.\n");
  }
}

int train(const TrainArgs& args, const Ranks& ranks) {
  std::FILE* const talk = args.json && is_first(ranks) ? stderr : stdout;
  expect_same_flags(args, ranks);
  mnist::TrainingConfig config = config_of(args, ranks);
  if (args.save && is_first(ranks)) expect_writable(*args.save);
  const data::Digits digits = data::load_digits(args.data, config.seed);
  if (ranks) expect_same_training(config, digits, ranks);
  const TrainingSplit data = split(digits.train, config.validation);
  if (!args.resume) {
    config.model.inputs = data.train.images.sizes()[1];
    args.flags.scale_pixels(data.train.images, config);
  }
  TrainingRun run(
      config, data,
      {.threads = args.threads.threads,
       .seed = config.seed,
       .communicator = ranks,
       .compile = {.cuts = args.threads.cuts, .products = args.products, .skip_zeros = args.skip_zeros}},
      args.resume);
  print_start(talk, args, ranks, config, digits, data);
  const InterruptWatch interrupt;
  const TrainingResult result = run.train(talk, interrupt.flag(), saving(args, ranks, run));
  if (args.save) save(run, *args.save);
  if (result.interrupted) {
    if (is_first(ranks))
      fmt::print(stderr, "\nweft: interrupted in epoch {} after {} batches; {}\n", run.position().epoch + 1,
                 run.position().batch, how_to_continue(args.save, config));
    return kInterrupted;
  }
  run.finish();
  const mnist::Evaluation test = run.evaluate(digits.test);
  if (args.json) {
    print_json(args, ranks, config, digits, run, result, test);
    return kSuccess;
  }
  print_end(ranks, config, digits, data, run, result, test);
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
  app->add_option(
         "--save-every", args->save_every,
         "Writes it after every so many epochs too (default: after each under mpirun, otherwise none)")
      ->check(whole_within(1, 1'000'000))
      ->type_name("EPOCHS")
      ->group(kFileGroup);
  app->add_option("--resume", args->resume, "Continues the training of a checkpoint or a FILE.onnx")
      ->type_name("FILE")
      ->group(kFileGroup);
  app->add_flag("--json", args->json, "Prints one line of JSON at the end; the rest goes to stderr")
      ->group(kFileGroup);
  add_thread_options(*app, args->threads);
  add_sparse_option(*app, args->skip_zeros);
  add_precision_option(*app, args->products);
  add_job_options(*app, args->job);
  app->footer(choices_in_words);
  return {
      .app = app,
      .run =
          [args] { return run_in_job(args->job, [&](const Ranks& ranks) { return train(*args, ranks); }); },
      .by_ranks = true};
}

}  // namespace weft::cli
