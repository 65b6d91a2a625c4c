#include "weft/frontends/mnist/study/dialect.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "weft/frontends/class_losses.h"
#include "weft/frontends/mnist/study/toml_reader.h"
#include "weft/graph/text.h"

namespace weft::mnist {
namespace {

constexpr std::int64_t kMostRows = 1'000'000;

InitializerConfig read_initializer(TomlReader in) {
  const auto names = names_of(std::span(nn::named_initializers()));
  InitializerConfig initializer;
  initializer.weights = in.choice("weights", "initializer", names);
  initializer.biases = in.choice("biases", "initializer", names, initializer.biases);
  const auto& weights = nn::initializer_named(initializer.weights);
  const auto& biases = nn::initializer_named(initializer.biases);
  if (weights.with_deviation != nullptr || biases.with_deviation != nullptr) {
    initializer.deviation = in.number("deviation", kPositive);
  }
  if (biases.needs_matrix) in.fail("biases", "'biases'", "an initializer of vectors", initializer.biases);
  in.expect_no_more();
  return initializer;
}

InputConfig read_input(TomlReader in) {
  InputConfig input;
  input.standardize = in.flag("standardize", false);
  if (!input.standardize) input.divide_by = in.number("divide_by", kPositive, input.divide_by);
  in.expect_no_more();
  return input;
}

ScheduleConfig read_schedule(TomlReader& in) {
  ScheduleConfig schedule;
  schedule.kind = in.choice("schedule", "schedule", names_of(named_schedules()), schedule.kind);
  in.numbers(common_schedule_keys(), schedule);
  in.numbers(schedule_named(schedule.kind).keys, schedule);
  return schedule;
}

OptimizerConfig read_optimizer(TomlReader in) {
  OptimizerConfig optimizer;
  optimizer.name = in.choice("method", "optimizer", names_of(named_optimizers()));
  optimizer.learning_rate = in.number("rate", kRateBounds);
  in.numbers(optimizer_named(optimizer.name).keys, optimizer);
  in.numbers(common_optimizer_keys(), optimizer);
  optimizer.decay_biases = in.flag("decay_biases", optimizer.decay_biases);
  optimizer.schedule = read_schedule(in);
  in.expect_no_more();
  return optimizer;
}

void read_training(TomlReader in, Dialect& dialect) {
  dialect.batch = in.whole("batch", 1, kMostRows);
  dialect.dropout = in.number("dropout", kShare, 0.0);
  dialect.loss = in.choice("loss", "loss", names_of(losses::named_class_losses()), dialect.loss);
  dialect.label_smoothing = in.number("label_smoothing", kShare, 0.0);
  in.expect_no_more();
}

}  // namespace

Dialect read_dialect(const std::filesystem::path& file) {
  const toml::table table = parse_toml_file(file);
  TomlReader in(file.string(), "", table);
  Dialect dialect;
  dialect.name = printable(file.stem().string());
  dialect.title = in.text("title", dialect.name);
  dialect.initializer = read_initializer(in.needed_table("initializer"));
  dialect.input = read_input(in.table("input"));
  read_training(in.needed_table("training"), dialect);
  dialect.optimizer = read_optimizer(in.needed_table("optimizer"));
  in.expect_no_more();
  return dialect;
}

std::vector<Dialect> read_dialects(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  if (files.empty()) {
    throw Error(ErrorCode::io, fmt::format("{}: there are no dialects", folder.string()),
                {.expected = "*.toml", .actual = failed ? failed.message() : "none"});
  }
  std::ranges::sort(files);
  std::vector<Dialect> dialects;
  for (const auto& file : files) dialects.push_back(read_dialect(file));
  return dialects;
}

std::string describe(const InitializerConfig& initializer) {
  return fmt::format("{}{}, biases {}", initializer.weights,
                     initializer.deviation ? fmt::format(" ({})", *initializer.deviation) : "",
                     initializer.biases);
}

std::string describe(const InputConfig& input) {
  return input.standardize ? "mean 0, deviation 1" : fmt::format("/{}", input.divide_by);
}

std::string describe(const OptimizerConfig& optimizer) {
  std::string text = fmt::format("{} {}", optimizer.name, optimizer.rate());
  const OptimizerConfig defaults;
  for (const Key<OptimizerConfig>& key : optimizer_named(optimizer.name).keys) {
    const double number = optimizer.*key.member;
    if (number != defaults.*key.member || key.name == "momentum") {
      text += fmt::format(", {} {}", key.name, number);
    }
  }
  if (optimizer.weight_decay > 0.0) text += fmt::format(", decay {}", optimizer.weight_decay);
  if (optimizer.schedule.kind != "constant") text += fmt::format(", {}", optimizer.schedule.kind);
  if (optimizer.schedule.warm_up > 0.0) text += ", warm-up";
  return text;
}

TrainingConfig training_of(const Dialect& dialect) {
  TrainingConfig config;
  config.model.initializer = dialect.initializer.weights;
  config.model.bias_initializer = dialect.initializer.biases;
  config.model.deviation = dialect.initializer.deviation;
  config.model.dropout = dialect.dropout;
  config.optimizer = dialect.optimizer;
  config.batch = dialect.batch;
  config.pixels = {.mean = 0.0, .deviation = dialect.input.divide_by};
  config.loss = dialect.loss;
  config.label_smoothing = dialect.label_smoothing;
  return config;
}

std::string recipe_of(const Dialect& dialect) {
  return to_metadata({.config = training_of(dialect), .position = {}}).begin()->second +
         describe(dialect.input);
}

}  // namespace weft::mnist
