#include "weft/frontends/cli/model_options.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace weft::cli {
namespace {

constexpr std::int64_t kMostUnits = 1'000'000;
constexpr std::int64_t kMostRows = 1'000'000;

std::vector<std::string> initializer_names() {
  std::vector<std::string> names;
  for (const nn::NamedInitializer& initializer : nn::named_initializers())
    names.emplace_back(initializer.name);
  return names;
}

/// What is wrong with a text as a learning rate; nothing if it is one. CLI11's own check lets NaN pass.
std::string positive_number(const std::string& text) {
  double number = 0.0;
  if (CLI::detail::lexical_cast(text, number) && std::isfinite(number) && number > 0.0) return {};
  return fmt::format("{} is no positive number", text);
}

/// A minus sign would count from the largest seed downwards.
std::string no_sign(const std::string& text) {
  return text.starts_with('-') ? fmt::format("{} is no number from 0 up", text) : std::string();
}

}  // namespace

void add_model_options(CLI::App& app, mnist::TrainingConfig& config) {
  app.add_option("--layers", config.model.layers, "Widths of the hidden layers, e.g. 100,100")
      ->delimiter(',')
      ->check(CLI::Range(std::int64_t{1}, kMostUnits));
  app.add_option("--activation", config.model.activation, "Activation of the hidden layers")
      ->check(CLI::IsMember(std::vector<std::string>{"relu", "tanh", "sigmoid"}));
  app.add_option("--init", config.model.initializer, "How the weights start")
      ->check(CLI::IsMember(initializer_names()));
  app.add_option("--batch", config.batch, "Samples in a mini-batch")
      ->check(CLI::Range(std::int64_t{1}, kMostRows));
  app.add_option("--optimizer", config.optimizer.name, "Optimizer; momentum is sgd with 0.9")
      ->check(CLI::IsMember(std::vector<std::string>{"sgd", "momentum", "adam"}));
  app.add_option("--lr", config.optimizer.learning_rate,
                 "Learning rate (default: sgd 0.3, momentum 0.05, adam 0.001)")
      ->check(CLI::Validator(positive_number, ""))
      ->always_capture_default(false);
  app.add_option("--seed", config.seed, "Seed of everything random")->check(CLI::Validator(no_sign, ""));
}

void add_thread_options(CLI::App& app, ThreadOptions& options) {
  constexpr int kMostThreads = 256;
  app.add_option("--threads", options.threads, "Threads to compute with, at most")
      ->check(CLI::Range(1, kMostThreads));
  app.add_option(
         "--cuts", options.cuts,
         "Parts that each step is cut into (0: one for each thread); a number gives the same bits with "
         "any number of threads")
      ->check(CLI::Range(0, kMostThreads));
}

void add_sparse_option(CLI::App& app, SkipZeros& skip_zeros) {
  const std::map<std::string, SkipZeros> modes{
      {"auto", SkipZeros::automatic}, {"on", SkipZeros::always}, {"off", SkipZeros::never}};
  app.add_option("--sparse", skip_zeros,
                 "Whether products skip the zeros of the data: auto as measured, on or off")
      ->transform(CLI::CheckedTransformer(modes))
      ->option_text("auto|on|off [auto]");
}

}  // namespace weft::cli
