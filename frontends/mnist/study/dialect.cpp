#include "weft/frontends/mnist/study/dialect.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <system_error>

#include "weft/frontends/mnist/study/toml_reader.h"
#include "weft/graph/text.h"

namespace weft::mnist {
namespace {

constexpr double kMost = 1e6;
constexpr Bounds kPositive{.low = 0.0, .high = kMost, .low_is_possible = false};
constexpr Bounds kNotNegative{.low = 0.0, .high = kMost};
constexpr Bounds kShare{.low = 0.0, .high = 1.0, .high_is_possible = false};
constexpr std::int64_t kMostRows = 1'000'000;

std::vector<std::string_view> initializer_names() {
  std::vector<std::string_view> names;
  for (const nn::NamedInitializer& initializer : nn::named_initializers()) names.push_back(initializer.name);
  return names;
}

InitializerConfig read_initializer(TomlReader in) {
  const auto names = initializer_names();
  InitializerConfig initializer;
  initializer.weights = in.choice("weights", names);
  initializer.biases = in.choice("biases", names, std::string("zeros"));
  const auto spread = [&](const std::string& name) { return name == "normal" || name == "truncated_normal"; };
  if (spread(initializer.weights) || spread(initializer.biases)) {
    initializer.deviation = in.number("deviation", kPositive);
  }
  for (const char* const square : {"orthogonal", "identity"}) {
    if (initializer.biases == square) in.fail("biases", "'biases'", "an initializer of vectors", square);
  }
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
  schedule.kind = in.choice("schedule", schedule_names(), schedule.kind);
  schedule.warm_up = in.number("warm_up", kShare, schedule.warm_up);
  if (schedule.kind != "inverse") return schedule;
  schedule.gamma = in.number("gamma", kNotNegative);
  schedule.power = in.number("power", kNotNegative, schedule.power);
  return schedule;
}

OptimizerConfig read_optimizer(TomlReader in) {
  OptimizerConfig optimizer;
  optimizer.name = in.choice("method", optimizer_names());
  optimizer.learning_rate = in.number("rate", kPositive);
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, optimizer.name) != names.end();
  };
  constexpr Bounds kMomentum{.low = 0.0, .high = 1.0, .low_is_possible = false, .high_is_possible = false};
  if (is({"momentum", "nesterov"})) optimizer.momentum = in.number("momentum", kMomentum);
  if (is({"rmsprop"})) optimizer.rho = in.number("rho", kShare, optimizer.rho);
  if (is({"adam", "adamw"})) {
    optimizer.beta1 = in.number("beta1", kShare, optimizer.beta1);
    optimizer.beta2 = in.number("beta2", kShare, optimizer.beta2);
  }
  if (is({"rmsprop", "adam", "adamw"})) {
    optimizer.epsilon = in.number("epsilon", kPositive, optimizer.epsilon);
  }
  optimizer.weight_decay = in.number("weight_decay", kNotNegative, optimizer.weight_decay);
  optimizer.decay_biases = in.flag("decay_biases", optimizer.decay_biases);
  optimizer.bias_rate = in.number("bias_rate", kNotNegative, optimizer.bias_rate);
  optimizer.schedule = read_schedule(in);
  in.expect_no_more();
  return optimizer;
}

void read_training(TomlReader in, Dialect& dialect) {
  dialect.batch = in.whole("batch", 1, kMostRows);
  dialect.dropout = in.number("dropout", kShare, 0.0);
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
  if (optimizer.name == "momentum" || optimizer.name == "nesterov") {
    text += fmt::format(" ({})", optimizer.momentum);
  }
  if (optimizer.weight_decay > 0.0) text += fmt::format(", decay {}", optimizer.weight_decay);
  if (optimizer.schedule.kind != "constant") text += fmt::format(", {}", optimizer.schedule.kind);
  if (optimizer.schedule.warm_up > 0.0) text += ", warm-up";
  return text;
}

std::string recipe_of(const Dialect& dialect) {
  const OptimizerConfig& o = dialect.optimizer;
  return fmt::format("{}; {}; batch {}; dropout {}; smoothing {}; {} {} {} {} {} {} {} {} {} {}; {} {} {} {}",
                     describe(dialect.initializer), describe(dialect.input), dialect.batch, dialect.dropout,
                     dialect.label_smoothing, o.name, o.rate(), o.momentum, o.rho, o.beta1, o.beta2,
                     o.epsilon, o.weight_decay, o.decay_biases, o.bias_rate, o.schedule.kind,
                     o.schedule.gamma, o.schedule.power, o.schedule.warm_up);
}

}  // namespace weft::mnist
