#include "weft/frontends/ranks/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/job.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/data/batches.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/ranks/agreement.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/graph/text.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/json_text.h"

namespace weft::cli {
namespace {

struct ScaleArgs {
  std::optional<std::filesystem::path> data;
  TrainingFlags flags;
  mnist::TrainingConfig config;  // of the flags and the data
  ThreadOptions threads;
  JobOptions job;
  std::vector<std::int64_t> ranks{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  std::optional<double> latency;  // microseconds
  std::optional<double> rate;     // Gbit/s
  double progress = 1.0;
  std::int64_t steps = 200;
  bool json = false;
};

constexpr double kMicro = 1e-6;
constexpr double kMilli = 1e-3;
constexpr double kBytesOfGigabit = 1e9 / 8.0;

/// One rank's steps on one batch of its own after the other.
class ScaleSteps {
 public:
  ScaleSteps(const ScaleArgs& args, const data::Digits& digits, std::shared_ptr<Communicator> communicator,
             std::int64_t bucket_bytes)
      : mlp_(graph_, args.config.model),
        session_(graph_, {.threads = args.threads.threads,
                          .seed = args.config.seed,
                          .communicator = std::move(communicator),
                          .compile = {.cuts = args.threads.cuts, .bucket_bytes = bucket_bytes}}),
        step_(
            session_.compile(mnist::training_step(mlp_, constant(graph_, digits.train.images),
                                                  constant(graph_, digits.train.labels), args.config, true))),
        batches_(data::permutation(digits.train.images.sizes()[0], args.config.seed, 0), args.config.batch),
        full_(std::max<std::int64_t>(digits.train.images.sizes()[0] / args.config.batch, 1)),
        outputs_(step_.outputs_for({batches_.at(0)})) {}

  void operator()() {
    const Tensor rows = batches_.at(next_++ % full_);
    step_.run_into({rows}, outputs_);
  }

 private:
  Graph graph_;
  mnist::Mlp mlp_;
  Session session_;
  Function step_;
  data::Batches batches_;
  std::int64_t full_;
  Outputs outputs_;
  std::int64_t next_ = 0;
};

/// The median seconds of a step among real ranks.
double measured_step(ScaleSteps& step, std::int64_t steps) {
  constexpr std::int64_t kFirstSteps = 10;
  for (std::int64_t i = 0; i < kFirstSteps; ++i) step();
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::nth_element(seconds, seconds.begin() + steps / 2);
  return seconds[static_cast<std::size_t>(steps / 2)];
}

ranks::Network network_of(const ScaleArgs& args, const std::shared_ptr<Communicator>& job) {
  ranks::Network network = job ? ranks::measure_network(*job) : ranks::Network{};
  if (args.latency) network.latency = *args.latency * kMicro;
  if (args.rate) network.bytes_per_second = *args.rate * kBytesOfGigabit;
  network.progress = args.progress;
  return network;
}

double bytes_of(const ranks::StepTimes& step) {
  double bytes = 0.0;
  for (const ranks::ExchangeTimes& exchange : step.exchanges) bytes += exchange.bytes;
  return bytes;
}

/// A number of ranks: a rank's step among imagined ones, and what it takes among real ones.
struct ScalePoint {
  std::int64_t ranks = 1;
  ranks::StepTimes step;
  ranks::StepPrediction predicted;
};

/// Measures steps, one for each size of buckets, which are powers of two here.
class ScaleMeasurements {
 public:
  ScaleMeasurements(const ScaleArgs& args, const data::Digits& digits, const ranks::Network& network)
      : args_(args), digits_(digits), network_(network) {}

  std::int64_t bucket_bytes(std::int64_t count) const {
    return static_cast<std::int64_t>(
        std::bit_floor(static_cast<std::uint64_t>(ranks::bucket_bytes_for(network_, count))));
  }

  ScalePoint at(std::int64_t count) {
    const std::int64_t bytes = bucket_bytes(count);
    auto found = steps_.find(bytes);
    if (found == steps_.end()) found = steps_.emplace(bytes, measure(bytes)).first;
    return {.ranks = count,
            .step = found->second,
            .predicted = ranks::predict_step(found->second, network_, count)};
  }

 private:
  ranks::StepTimes measure(std::int64_t bytes) const {
    const auto imagined = std::make_shared<ranks::ImaginedRanks>(2);
    ScaleSteps alone(args_, digits_, imagined, bytes);
    return ranks::measure_step(*imagined, [&] { alone(); }, static_cast<int>(args_.steps));
  }

  const ScaleArgs& args_;
  const data::Digits& digits_;
  ranks::Network network_;
  std::map<std::int64_t, ranks::StepTimes> steps_;
};

nlohmann::ordered_json json_of(const ScalePoint& point) {
  return {{"ranks", point.ranks},
          {"seconds", point.predicted.seconds},
          {"alone_seconds", point.step.seconds},
          {"exchanges", point.step.exchanges.size()},
          {"exchanged_bytes", bytes_of(point.step)},
          {"communication_seconds", point.predicted.communication},
          {"waiting_seconds", point.predicted.waiting},
          {"overlap", point.predicted.overlap()},
          {"efficiency", point.predicted.efficiency()}};
}

void print_table(std::FILE* talk, const ScaleArgs& args, const std::vector<ScalePoint>& points) {
  fmt::print(talk, "\n{:>6} {:>10} {:>10} {:>12} {:>9} {:>11} {:>12}\n", "ranks", "exchanges", "step, ms",
             "waiting, ms", "overlap", "efficiency", "samples/s");
  for (const ScalePoint& point : points) {
    const ranks::StepPrediction& at = point.predicted;
    const double samples = static_cast<double>(point.ranks * args.config.batch) / at.seconds;
    fmt::print(talk, "{:>6} {:>10} {:>10.3f} {:>12.3f} {:>8.0f}% {:>10.1f}% {:>12.0f}\n", point.ranks,
               point.step.exchanges.size(), at.seconds / kMilli, at.waiting / kMilli, 100.0 * at.overlap(),
               100.0 * at.efficiency(), samples);
  }
  fmt::print(talk, "A simulation: one rank's step, and two figures of a network.\n");
}

void print_json(const ScaleArgs& args, const ranks::Network& network, const std::vector<ScalePoint>& points,
                const std::optional<ScalePoint>& own, double measured) {
  nlohmann::ordered_json predictions = nlohmann::ordered_json::array();
  for (const ScalePoint& point : points) predictions.push_back(json_of(point));
  nlohmann::ordered_json line{{"batch", args.config.batch},
                              {"layers", args.config.model.layers},
                              {"latency", network.latency},
                              {"bytes_per_second", network.bytes_per_second},
                              {"predictions", std::move(predictions)}};
  if (own) {
    line["job"] = json_of(*own);
    line["job"]["measured_seconds"] = measured;
  }
  fmt::print("{}\n", json_text(line));
}

/// Of what must be the same on all ranks, or some of them would wait for others.
ranks::Digest digest_of(const ScaleArgs& args) {
  ranks::Digest digest;
  digest.add(static_cast<std::uint64_t>(args.steps));
  for (const double figure : {args.latency.value_or(-1.0), args.rate.value_or(-1.0), args.progress})
    digest.add(std::bit_cast<std::uint64_t>(figure));
  return digest;
}

int scale(ScaleArgs args, const std::shared_ptr<Communicator>& job) {
  std::FILE* const talk = args.json && is_first(job) ? stderr : stdout;
  args.config = args.flags.config();
  const data::Digits digits = data::load_digits(args.data, args.config.seed);
  args.config.model.inputs = digits.train.images.sizes()[1];
  args.flags.scale_pixels(digits.train.images, args.config);
  ranks::expect_same(job.get(), "flags", digest_of(args), Where());
  const ranks::Network network = network_of(args, job);
  fmt::print(talk, "{}, batch {} on each rank, {} thread{}; {:.1f} us for a message and {:.3f} GB/s{}\n",
             network_in_words(args.config.model), args.config.batch, args.threads.threads,
             args.threads.threads == 1 ? "" : "s", network.latency / kMicro, network.bytes_per_second * 1e-9,
             job && !(args.latency && args.rate) ? ", as measured" : "");
  ScaleMeasurements measurements(args, digits, network);
  std::optional<ScalePoint> own;
  double measured = 0.0;
  if (job) {
    own = measurements.at(job->size());
    ScaleSteps together(args, digits, job, measurements.bucket_bytes(job->size()));
    measured = measured_step(together, args.steps);
    fmt::print(talk, "{}: {:.3f} ms a step predicted, {:.3f} ms measured\n", ranks_in_words(job),
               own->predicted.seconds / kMilli, measured / kMilli);
  }
  std::vector<ScalePoint> points;
  for (const std::int64_t count : args.ranks) points.push_back(measurements.at(count));
  print_table(talk, args, points);
  if (args.json) print_json(args, network, points, own, measured);
  return kSuccess;
}

}  // namespace

Registered add_scale(CLI::App& weft) {
  auto args = std::make_shared<ScaleArgs>();
  CLI::App* app = weft.add_subcommand("scale",
                                      "Predicts the steps of a network's training on many ranks; under "
                                      "mpirun also measures them on its ranks");
  constexpr std::int64_t kMostRanks = 1'000'000;
  constexpr Bounds kFigure{.low = 0.0, .high = 1e9};
  args->flags.add_to(*app, {});
  add_data_option(*app, args->data);
  add_thread_options(*app, args->threads);
  app->add_option("--ranks", args->ranks, "Numbers of ranks")
      ->delimiter(',')
      ->check(whole_within(1, kMostRanks));
  app->add_option("--latency", args->latency,
                  "Microseconds that a message takes at least (default: 20, or as measured under mpirun)")
      ->check(number_within(kFigure))
      ->type_name("NUMBER");
  app->add_option("--rate", args->rate, "Gbit/s of the network (default: 10, or as measured under mpirun)")
      ->check(number_within(kPositive))
      ->type_name("NUMBER");
  app->add_option("--progress", args->progress,
                  "How much of its speed an exchange keeps while its ranks compute, 0 to 1")
      ->check(number_within({.low = 0.0, .high = 1.0}))
      ->type_name("SHARE");
  app->add_option("--steps", args->steps, "Steps to measure")->check(whole_within(1, kMostRanks));
  app->add_flag("--json", args->json, "Prints one line of JSON at the end; the rest goes to stderr");
  add_job_options(*app, args->job);
  return {.app = app,
          .run =
              [args] {
                return run_in_job(
                    args->job, [&](const std::shared_ptr<Communicator>& job) { return scale(*args, job); });
              },
          .by_ranks = true};
}

}  // namespace weft::cli
