// `weft onnx train`: fine-tunes a model on samples from files.

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <memory>
#include <optional>

#include "weft/frontends/cli/interrupt.h"
#include "weft/frontends/cli/job.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/onnx_training.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/ranks/agreement.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"

namespace weft::cli {
namespace {

struct OnnxTrainArgs {
  OnnxFile model;
  SampleFiles samples;
  TrainingFlags flags;
  OnnxTrainingConfig config;
  double validation = 0.0;
  ThreadOptions threads;
  Precision products = Precision::f32;
  std::optional<std::filesystem::path> save;
  JobOptions job;
};

using Ranks = std::shared_ptr<Communicator>;

Samples part_of(const Samples& all, std::int64_t begin, std::int64_t count) {
  Samples part{.inputs = {}, .target = all.target.rows(begin, count)};
  for (const auto& [name, tensor] : all.inputs) part.inputs[name] = tensor.rows(begin, count);
  return part;
}

/// How many samples a share of them is. Throws Error(invalid_argument) unless it leaves some on both sides.
std::int64_t held_out_of(std::int64_t count, double share) {
  const std::int64_t held_out = std::llround(share * static_cast<double>(count));
  if (share > 0.0 && (held_out == 0 || held_out == count))
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a validation share of {} leaves no samples to {}", share,
                            held_out == 0 ? "validate with" : "train on"),
                {.actual = fmt::format("{} samples", count)});
  return held_out;
}

std::string in_words(const OnnxScore& score) {
  return fmt::format("loss {:.4f}{}", score.loss,
                     score.accuracy ? fmt::format(", {:.2f}% right", 100.0 * *score.accuracy) : "");
}

/// Flags that differ on ranks would let some of them wait for others. Files may have names of their own.
void expect_same_onnx_flags(const OnnxTrainArgs& args, const Ranks& ranks) {
  const mnist::TrainingConfig config = args.flags.config();
  ranks::expect_same(ranks.get(), "flags",
                     ranks::Digest()
                         .add(std::uint64_t{args.save.has_value()})
                         .add(std::bit_cast<std::uint64_t>(args.validation))
                         .add(static_cast<std::uint64_t>(config.epochs))
                         .add(static_cast<std::uint64_t>(config.batch))
                         .add(config.seed),
                     Where());
}

int train_onnx(OnnxTrainArgs args, const Ranks& ranks) {
  expect_same_onnx_flags(args, ranks);
  const onnx::ModelProto model = onnx::read_model(args.model.file);
  if (args.save && is_first(ranks)) const AtomicFile probe(*args.save);
  const Samples all = read_samples(args.samples, model);
  const std::int64_t held_out = held_out_of(all.count(), args.validation);
  const Samples samples = part_of(all, 0, all.count() - held_out);
  const Samples examined = held_out > 0 ? part_of(all, samples.count(), held_out) : samples;
  args.config.training = args.flags.config();
  args.config.session = {.threads = args.threads.threads,
                         .seed = args.config.training.seed,
                         .communicator = ranks,
                         .compile = {.cuts = args.threads.cuts, .products = args.products}};
  OnnxTraining training(model, args.model, samples, args.config);
  fmt::print("{}: {} of {} parameters to train, on {} samples{}; {}, loss {}, batch {}, {}seed {}\n",
             printable(args.model.file.string()), training.trained(), training.parameters(), samples.count(),
             held_out > 0 ? fmt::format(", {} held out", held_out) : "",
             describe(args.config.training.optimizer), args.config.loss, args.config.training.batch,
             ranks ? ranks_in_words(ranks) + ", " : "", args.config.training.seed);
  fmt::print("before: {}\n", in_words(training.evaluate(examined)));
  std::fflush(stdout);
  FitResult fitted;
  {
    const InterruptWatch watch;
    fitted = training.train(stdout, watch.flag());
  }
  fmt::print("after: {}; trained in {:.2f} s\n", in_words(training.evaluate(examined)), fitted.seconds);
  if (args.save) {
    training.save(*args.save);
    fmt::print("saved to {}\n", printable(args.save->string()));
  }
  if (!fitted.interrupted) return kSuccess;
  if (is_first(ranks))
    fmt::print(stderr, "weft: interrupted in epoch {} after {} batches\n", fitted.position.epoch + 1,
               fitted.position.batch);
  return kInterrupted;
}

std::string losses_in_words() {
  std::string text = methods_in_words() + "\nLosses:\n";
  for (const OnnxLoss& loss : onnx_losses()) text += fmt::format("  {:<22} {}\n", loss.name, loss.help);
  return text;
}

}  // namespace

Registered add_onnx_train(CLI::App& onnx) {
  auto args = std::make_shared<OnnxTrainArgs>();
  CLI::App* const app = onnx.add_subcommand("train", "Trains a model further on samples from files");
  add_onnx_file(*app, args->model);
  add_sample_flags(*app, args->samples);
  app->add_option("--save", args->save, "Writes the trained model, also on Ctrl-C")
      ->type_name("FILE.onnx")
      ->group(kFileGroup);
  const std::string group = "Training";
  std::vector<std::string_view> names;
  for (const OnnxLoss& loss : onnx_losses()) names.push_back(loss.name);
  app->add_option("--loss", args->config.loss, "What a step makes smaller; below is a list")
      ->check(choice_of("loss", names))
      ->group(group);
  app->add_option("--output", args->config.output,
                  "The output that is compared with the targets (default: the first)")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--freeze", args->config.freeze,
                  "Parameters, running means too, that stay as they are: a pattern of names, as "
                  "'features/*'; may be repeated")
      ->allow_extra_args(false)
      ->option_text("PATTERN")
      ->group(group);
  app->add_option("--validation", args->validation,
                  "Share of the samples, the last ones, that are held out to examine the model with")
      ->check(number_within(kShare))
      ->type_name("SHARE")
      ->group(group);
  mnist::TrainingConfig defaults;
  defaults.optimizer = mnist::default_optimizer("adam");
  args->flags.add_to(*app, {.defaults = defaults, .runs_epochs = true, .network = false});
  add_thread_options(*app, args->threads);
  add_precision_option(*app, args->products);
  app->footer(losses_in_words);
  add_job_options(*app, args->job);
  return {.app = app,
          .run =
              [args] {
                return run_in_job(args->job, [&](const Ranks& ranks) { return train_onnx(*args, ranks); });
              },
          .by_ranks = true};
}

}  // namespace weft::cli
