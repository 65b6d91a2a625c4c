#include "weft/frontends/cli/training_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weft/frontends/class_losses.h"
#include "weft/frontends/cli/dialects.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/mnist/study/study_data.h"
#include "weft/runtime/files/checkpoint.h"

namespace weft::cli {
namespace {

using mnist::OptimizerConfig;
using mnist::ScheduleConfig;
using mnist::TrainingConfig;

constexpr std::int64_t kMostUnits = 1'000'000;
constexpr std::int64_t kMostRows = 1'000'000;
constexpr std::int64_t kMostEpochs = 1'000'000;

/// "--weight-decay" for the field "weight_decay".
std::string flag_of(std::string_view field) {
  std::string flag = fmt::format("--{}", field);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

/// A key, and the names of the choices that have it.
template <typename Config>
struct KeyUse {
  Key<Config> key;
  std::vector<std::string_view> users;
};

/// The keys of all rows of a table, each once, since keys of one name are the same number.
template <typename Config, typename Row>
std::vector<KeyUse<Config>> keys_in(std::span<const Row> table) {
  std::vector<KeyUse<Config>> uses;
  for (const Row& row : table) {
    for (const Key<Config>& key : row.keys) {
      auto use = std::ranges::find(uses, key.member, [](const auto& u) { return u.key.member; });
      if (use == uses.end()) use = uses.insert(uses.end(), {key, {}});
      use->users.push_back(row.name);
    }
  }
  return uses;
}

/// A flag for a number of a table; the bounds of a key that several rows bound differently are checked later.
template <typename Config>
CLI::Option* add_key(CLI::App& app, const Key<Config>& key, Config& config, const std::string& help) {
  CLI::Option* option = app.add_option(flag_of(key.name), config.*key.member, help)
                            ->check(number_within(kAnyNumber))
                            ->type_name("NUMBER");
  if (key.required) option->default_str("");
  return option;
}

std::string shown(const std::string& text) { return text; }
std::string shown(const std::vector<std::int64_t>& widths) {
  return fmt::format("{}", fmt::join(widths, ","));
}
std::string shown(const std::optional<double>& number) {
  return number ? fmt::format("{}", *number) : std::string("the default");
}
template <typename T>
  requires std::is_arithmetic_v<T>
std::string shown(T number) {
  return fmt::format("{}", number);
}

/// "  adam   0.001   --beta1 0.9  ...".
template <typename Config>
std::string keys_in_words(std::span<const Key<Config>> keys) {
  std::string text;
  const Config defaults;
  for (const Key<Config>& key : keys) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "  ", flag_of(key.name),
                        key.required ? std::string("NUMBER") : fmt::format("{}", defaults.*key.member));
  }
  return text;
}

template <typename Row>
void describe_rows(std::string& text, std::string_view heading, std::span<const Row> table) {
  text += fmt::format("\n{}:\n", heading);
  for (const Row& row : table) text += fmt::format("  {:<18} {}\n", row.name, row.help);
}

}  // namespace

void TrainingFlags::add_network(CLI::App& app) {
  mnist::MlpConfig& model = given_.model;
  const std::string group = "Network";
  const auto initializers = names_of(std::span(nn::named_initializers()));
  app.add_option("--layers", model.layers, "Widths of the hidden layers, e.g. 100,100")
      ->delimiter(',')
      ->check(whole_within(1, kMostUnits))
      ->group(group);
  app.add_option("--activation", model.activation, "Activation of the hidden layers")
      ->check(choice_of("activation", names_of(nn::named_activations())))
      ->group(group);
  app.add_option("--init", model.initializer, "How the weights start")
      ->check(choice_of("initializer", initializers))
      ->group(group);
  app.add_option("--bias-init", model.bias_initializer, "How the biases start (default: as --init says)")
      ->check(choice_of("initializer", initializers))
      ->group(group);
  app.add_option(
         "--deviation", model.deviation,
         fmt::format("Deviation of the initializers that have one (default: {})", nn::kNamedDeviation))
      ->check(number_within(kPositive))
      ->type_name("NUMBER")
      ->group(group);
  app.add_option("--dropout", model.dropout, "Share of hidden units that a training step leaves out")
      ->check(number_within(kShare))
      ->type_name("SHARE")
      ->group(group);
}

void TrainingFlags::add_optimizer(CLI::App& app) {
  OptimizerConfig& optimizer = given_.optimizer;
  const std::string group = "Optimizer";
  app.add_option("--optimizer", optimizer.name, "Method of the steps (`weft train --help` lists them)")
      ->check(choice_of("optimizer", names_of(mnist::named_optimizers())))
      ->group(group);
  app.add_option("--lr", optimizer.learning_rate,
                 "Learning rate (default: the optimizer's own, with its schedule)")
      ->check(number_within(mnist::kRateBounds))
      ->type_name("NUMBER")
      ->group(group);
  for (const auto& [key, users] : keys_in<OptimizerConfig>(mnist::named_optimizers())) {
    add_key(app, key, optimizer, fmt::format("{} ({})", key.help, listed(users)))->group(group);
  }
  for (const auto& key : mnist::common_optimizer_keys()) {
    add_key(app, key, optimizer, std::string(key.help))->group(group);
  }
  app.add_flag("--decay-biases", optimizer.decay_biases, "Weight decay of biases too")->group(group);
}

void TrainingFlags::add_schedule(CLI::App& app) {
  ScheduleConfig& schedule = given_.optimizer.schedule;
  const std::string group = "Schedule of the learning rate";
  app.add_option("--schedule", schedule.kind,
                 "How the rate changes (`weft train --help` lists how; default: the optimizer's own)")
      ->check(choice_of("schedule", names_of(mnist::named_schedules())))
      ->default_str("")
      ->group(group);
  for (const auto& [key, users] : keys_in<ScheduleConfig>(mnist::named_schedules())) {
    add_key(app, key, schedule, fmt::format("{} ({})", key.help, listed(users)))->group(group);
  }
  for (const auto& key : mnist::common_schedule_keys()) {
    add_key(app, key, schedule, std::string(key.help))->group(group);
  }
}

void TrainingFlags::add_training(CLI::App& app, const TrainingFlagOptions& options) {
  const std::string group = "Training";
  if (options.network) add_recipe(app, options, group);
  if (options.runs_epochs) {
    app.add_option("--epochs", given_.epochs,
                   options.network ? "Epochs in all, those before a --resume included" : "Epochs")
        ->check(whole_within(1, kMostEpochs))
        ->group(group);
  }
  app.add_option("--batch", given_.batch, "Samples in a mini-batch")
      ->check(whole_within(1, kMostRows))
      ->group(group);
  if (options.network) add_loss(app, options, group);
  app.add_option("--seed", given_.seed, "Seed of everything random")->check(whole_from_0())->group(group);
}

void TrainingFlags::add_recipe(CLI::App& app, const TrainingFlagOptions& options, const std::string& group) {
  app.add_option("--recipe", recipe_,
                 "Begins with a recipe: weft's own, caffe, ..., or a .toml file; other flags change it")
      ->type_name("NAME|FILE")
      ->group(group);
  if (options.takes_model) {
    app.add_option("--model", model_, "Begins with the training of a checkpoint; other flags change it")
        ->type_name("FILE")
        ->excludes("--recipe")
        ->group(group);
  }
}

void TrainingFlags::add_loss(CLI::App& app, const TrainingFlagOptions& options, const std::string& group) {
  app.add_option("--loss", given_.loss, "What a step makes smaller")
      ->check(choice_of("loss", names_of(losses::named_class_losses())))
      ->group(group);
  app.add_option("--label-smoothing", given_.label_smoothing,
                 "Share of the target that all classes have in common")
      ->check(number_within(kShare))
      ->type_name("SHARE")
      ->group(group);
  if (options.runs_epochs) {
    app.add_option(
           "--validation", given_.validation,
           "Share of the training images to hold out; the weights of the epoch that does best on them are "
           "kept")
        ->check(number_within(kShare))
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--patience", given_.patience,
                   "Epochs without a better validation accuracy after which training ends (0: it never does)")
        ->check(whole_within(0, kMostEpochs))
        ->group(group);
  }
}

void TrainingFlags::add_to(CLI::App& app, const TrainingFlagOptions& options) {
  app_ = &app;
  given_ = options.defaults;
  defaults_ = options.defaults;
  add_training(app, options);
  if (options.network) add_network(app);
  add_optimizer(app);
  add_schedule(app);
}

std::size_t TrainingFlags::count(std::string_view field) const {
  const CLI::Option* const option = app_->get_option_no_throw(flag_of(field));
  return option == nullptr ? 0 : option->count();
}

bool TrainingFlags::describe_a_network() const {
  bool any = !recipe_.empty() || !model_.empty();
  for_each_field(
      [&](std::string_view name, const auto&) { any = any || (name != "seed" && count(name) > 0); }, given_);
  return any;
}

std::optional<mnist::Dialect> TrainingFlags::recipe() const {
  if (recipe_.empty()) return std::nullopt;
  return dialect_named(recipe_, dialect_folder());
}

void TrainingFlags::apply(TrainingConfig& config) const {
  // Another optimizer wants another rate, and another schedule has other numbers.
  if (count("optimizer") > 0 && given_.optimizer.name != config.optimizer.name) {
    config.optimizer.learning_rate.reset();
  }
  for_each_field(
      [&](std::string_view name, const auto& given, auto& member) {
        if (count(name) > 0) member = given;
      },
      given_, config);
  expect_keys_of_the_choices(config);
  try {
    validate(config);
  } catch (const Error& error) {
    throw CLI::ValidationError(error.what());
  }
}

void TrainingFlags::expect_keys_of_the_choices(const TrainingConfig& config) const {
  const auto expect = [&](const auto& uses, std::string_view kind, std::string_view chosen,
                          const auto& keys) {
    for (const auto& [key, users] : uses) {
      if (count(key.name) > 0 && std::ranges::find(users, chosen) == users.end()) {
        throw CLI::ValidationError(fmt::format("{} belongs to the {} {}; the {} is {}", flag_of(key.name),
                                               kind, fmt::join(users, ", "), kind, chosen));
      }
    }
    for (const auto& key : keys) {
      if (key.required && count(key.name) == 0 && count(kind) > 0) {
        throw CLI::ValidationError(fmt::format("--{} {} needs {}", kind, chosen, flag_of(key.name)));
      }
    }
  };
  const OptimizerConfig& optimizer = config.optimizer;
  expect(keys_in<OptimizerConfig>(mnist::named_optimizers()), "optimizer", optimizer.name,
         mnist::optimizer_named(optimizer.name).keys);
  expect(keys_in<ScheduleConfig>(mnist::named_schedules()), "schedule", optimizer.schedule.kind,
         mnist::schedule_named(optimizer.schedule.kind).keys);
  const auto has_deviation = [](const std::string& name) {
    return !name.empty() && nn::initializer_named(name).with_deviation != nullptr;
  };
  if (count("deviation") > 0 && !has_deviation(config.model.initializer) &&
      !has_deviation(config.model.bias_initializer)) {
    throw CLI::ValidationError(
        fmt::format("--deviation: the initializer {} has none", config.model.initializer));
  }
  if (count("patience") > 0 && config.patience > 0 && config.validation == 0.0) {
    throw CLI::ValidationError("--patience needs --validation");
  }
}

TrainingConfig TrainingFlags::config() const {
  TrainingConfig config = defaults_;
  if (count("lr") == 0 && count("schedule") == 0) {
    config.optimizer =
        mnist::default_optimizer(count("optimizer") > 0 ? given_.optimizer.name : defaults_.optimizer.name);
  }
  if (const auto dialect = recipe()) {
    config = training_of(*dialect);
    config.seed = defaults_.seed;
  } else if (!model_.empty()) {
    config = mnist::from_metadata(read_checkpoint(model_).metadata, model_).config;
  }
  apply(config);
  config.optimizer.learning_rate = config.optimizer.rate();
  return config;
}

void TrainingFlags::scale_pixels(const Tensor& images, TrainingConfig& config) const {
  const auto dialect = recipe();
  if (dialect && dialect->input.standardize) config.pixels = mnist::standard_scale(images);
}

TrainingConfig TrainingFlags::resumed(const TrainingConfig& saved) const {
  if (!recipe_.empty()) {
    throw CLI::ValidationError("--recipe: a resumed training goes on with the recipe that it began with");
  }
  TrainingConfig config = saved;
  apply(config);
  for_each_field(
      [&](std::string_view name, const auto& before, const auto& now) {
        if (before == now || name == "lr" || name == "epochs" || name == "patience") return;
        throw CLI::ValidationError(fmt::format("{}: the checkpoint was trained with {}, not {}",
                                               flag_of(name), shown(before), shown(now)));
      },
      saved, config);
  if (config.epochs != saved.epochs && schedule_ends(saved.optimizer.schedule)) {
    throw CLI::ValidationError(
        fmt::format("--epochs: the checkpoint's learning rates were planned for {} epochs, not {}",
                    saved.epochs, config.epochs));
  }
  return config;
}

std::string methods_in_words() {
  std::string text =
      "Optimizers, their default rates (lr or, for step 0, 1, ..., lr / (1 + gamma step)), and the flags "
      "that\n"
      "belong to them:\n";
  for (const mnist::OptimizerChoice& row : mnist::named_optimizers()) {
    const std::string rate = row.gamma == 0.0 ? fmt::format("{}", row.rate)
                                              : fmt::format("{} / (1 + {} step)", row.rate, row.gamma);
    text += fmt::format("  {:<10} {:<22} {}{}{}\n", row.name, rate, row.help, row.keys.empty() ? "" : "; ",
                        keys_in_words(row.keys));
  }
  text += "\nSchedules, and the flags that belong to them:\n";
  for (const mnist::ScheduleChoice& row : mnist::named_schedules()) {
    text += fmt::format("  {:<12} {}{}{}\n", row.name, row.help, row.keys.empty() ? "" : "; ",
                        keys_in_words(row.keys));
  }
  return text;
}

std::string choices_in_words() {
  std::string text = methods_in_words();
  describe_rows(text, "Losses", losses::named_class_losses());
  describe_rows(text, "Activations", nn::named_activations());
  describe_rows(text, "Initializers", std::span(nn::named_initializers()));
  return text;
}

std::string network_in_words(const mnist::MlpConfig& model) {
  std::vector<std::int64_t> widths{model.inputs};
  widths.insert(widths.end(), model.layers.begin(), model.layers.end());
  widths.push_back(model.classes);
  return fmt::format("{} {}", fmt::join(widths, "-"), model.activation);
}

}  // namespace weft::cli
