#include "weft/frontends/cli/model_options.h"

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
      ->check(CLI::PositiveNumber)
      ->always_capture_default(false);
  app.add_option("--seed", config.seed, "Seed of everything random");
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
