// What a step of three networks takes on many ranks, each with as many rows, as a table:
//   weft_scale_bench --rates 10,100 --ranks 1,4,16
// A simulation: the step of one rank among imagined ones is measured, and the exchanges are given the time
// that a network of such a latency and rate needs (frontends/ranks/scale.h).

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "weft/bench/program.h"
#include "weft/frontends/ranks/scale.h"
#include "weft/weft.h"

namespace weft::bench {
namespace {

struct ScaleSettings {
  std::vector<std::int64_t> ranks{1, 2, 4, 16, 64, 256, 1024};
  std::vector<double> rates{10.0, 100.0};  // Gbit/s
  double latency = 20.0;                   // microseconds
  double progress = 1.0;
  int threads = 1;
  int steps = 50;
};

/// A network of pictures or sequences, and its loss.
struct ScaledModel {
  Graph graph;
  Value x;
  Value y = input(graph, "y", i32, {"batch"});
  std::vector<Value> parameters;
  Value logits;
};

Tensor numbers_of(const std::vector<std::int64_t>& sizes) {
  Tensor made = Tensor::uninitialized(f32, sizes);
  std::uint32_t state = 1;
  for (float& number : made.mutable_values<float>()) {
    state = state * 1664525U + 1013904223U;
    number = static_cast<float>(state >> 8U) / 16777216.0F - 0.5F;
  }
  return made;
}

void build_dense(ScaledModel& model) {
  model.x = input(model.graph, "x", f32, {"batch", 784});
  const nn::Sequential network{nn::dense(model.graph, "hidden", 1024), relu,
                               nn::dense(model.graph, "last", 10)};
  model.logits = network(model.x);
  model.parameters = network.parameters();
}

void build_lenet(ScaledModel& model) {
  Graph& graph = model.graph;
  model.x = input(graph, "x", f32, {"batch", 1, 28, 28});
  const nn::MaxPool2d halve{{.window = 2}};
  const nn::Sequential network{
      nn::conv2d(graph, "conv1", 20, 5), halve, nn::conv2d(graph, "conv2", 50, 5), halve, nn::Flatten{},
      nn::dense(graph, "dense1", 500),   relu,  nn::dense(graph, "dense2", 10)};
  model.logits = network(model.x);
  model.parameters = network.parameters();
}

void build_encoder(ScaledModel& model) {
  model.x = input(model.graph, "x", f32, {"batch", 32, 64});
  Value state = model.x;
  const auto keep = [&](const std::vector<Value>& parameters) {
    model.parameters.insert(model.parameters.end(), parameters.begin(), parameters.end());
  };
  for (const char* name : {"first", "second"}) {
    const auto layer =
        nn::transformer_encoder_layer(model.graph, name, 64, {.heads = 4, .inner = 256, .dropout = 0.0});
    keep(nn::parameters(layer));
    state = layer(state);
  }
  const nn::Dense last = nn::dense(model.graph, "last", 64, 10);
  keep(last.parameters());
  model.logits = last(mean(state, {1}));
}

struct Scaled {
  std::string name;
  std::function<void(ScaledModel&)> build;
  std::vector<std::int64_t> sizes;  // of x, the rows of a rank first
};

/// The step of a rank of two, whose gradients go in buckets of such a size.
ranks::StepTimes step_of_a_rank(const Scaled& scaled, std::int64_t bucket_bytes,
                                const ScaleSettings& settings) {
  ScaledModel model;
  scaled.build(model);
  const Value own = mean(softmax_cross_entropy(model.logits, model.y));
  const ranks::DistributedLoss all = ranks::differentiate(own, model.parameters, ranks::rows_of(model.x));
  const auto imagined = std::make_shared<ranks::ImaginedRanks>(2);
  Session session(
      model.graph,
      {.threads = settings.threads, .communicator = imagined, .compile = {.bucket_bytes = bucket_bytes}});
  const Function step = session.compile({.inputs = {model.x, model.y},
                                         .outputs = {all.loss},
                                         .updates = optim::adam(model.parameters, all.gradients, 1e-3)});
  const std::vector<Tensor> fed{numbers_of(scaled.sizes), Tensor::zeros(i32, {scaled.sizes[0]})};
  std::vector<Tensor> outputs{Tensor::zeros(f32, {})};
  return ranks::measure_step(*imagined, [&] { step.run_into(fed, outputs); }, settings.steps);
}

void print_row(const Scaled& scaled, double rate, const ScaleSettings& settings) {
  constexpr double kMicro = 1e-6;
  constexpr double kBytesOfGigabit = 1e9 / 8.0;
  const ranks::Network network{.latency = settings.latency * kMicro,
                               .bytes_per_second = rate * kBytesOfGigabit,
                               .progress = settings.progress};
  std::map<std::int64_t, ranks::StepTimes> steps;  // for each size of buckets, a power of two
  fmt::print("| {} | {} |", scaled.name, rate);
  for (const std::int64_t count : settings.ranks) {
    const auto wanted = static_cast<std::uint64_t>(ranks::bucket_bytes_for(network, count));
    const auto bytes = static_cast<std::int64_t>(std::bit_floor(wanted));
    if (!steps.contains(bytes)) steps.emplace(bytes, step_of_a_rank(scaled, bytes, settings));
    const ranks::StepPrediction predicted = ranks::predict_step(steps.at(bytes), network, count);
    fmt::print(" {:.3g} ({:.0f}%) |", 1e3 * predicted.seconds, 100.0 * predicted.efficiency());
    std::fflush(stdout);
  }
  fmt::print("\n");
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{"Predicts steps of training on many ranks"};
  ScaleSettings settings;
  app.add_option("--ranks", settings.ranks)->delimiter(',')->check(CLI::Range(1, 1'000'000));
  app.add_option("--rates", settings.rates, "Gbit/s of networks")->delimiter(',')->check(CLI::PositiveNumber);
  app.add_option("--latency", settings.latency, "of a message, in microseconds")->check(CLI::PositiveNumber);
  app.add_option("--progress", settings.progress, "of exchanges beside computing")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--threads", settings.threads, "of a rank")->check(CLI::Range(1, 64));
  app.add_option("--steps", settings.steps)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  fmt::print("Simulated milliseconds of a step, and the share of them that is not waiting\n\n");
  std::string head = "| network, rows of a rank | Gbit/s |";
  std::string rule = "|---|---|";
  for (const std::int64_t count : settings.ranks) {
    head += fmt::format(" {} rank{} |", count, count == 1 ? "" : "s");
    rule += "---|";
  }
  fmt::print("{}\n{}\n", head, rule);
  for (const Scaled& scaled : {Scaled{"784-1024-10, 256", build_dense, {256, 784}},
                               Scaled{"LeNet, 64", build_lenet, {64, 1, 28, 28}},
                               Scaled{"transformer, 256", build_encoder, {256, 32, 64}}}) {
    for (const double rate : settings.rates) print_row(scaled, rate, settings);
  }
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_scale_bench", weft::bench::parse_and_run, argc, argv);
}
