#include "weft/frontends/cli/model_options.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/frontends/cli/validators.h"

namespace weft::cli {
namespace {

/// A flag whose value is one of a few names. `chosen` must outlive the parsing.
template <typename Choice>
CLI::Option* add_choice(CLI::App& app, const std::string& flag, Choice& chosen, std::string kind,
                        const std::map<std::string_view, Choice>& choices, const std::string& help) {
  std::vector<std::string_view> names;
  for (const auto& [name, choice] : choices) names.push_back(name);
  return app
      .add_option_function<std::string>(
          flag, [&chosen, choices](const std::string& name) { chosen = choices.at(name); }, help)
      ->check(choice_of(std::move(kind), std::move(names)))
      ->group(kComputingGroup);
}

}  // namespace

void add_data_option(CLI::App& app, std::optional<std::filesystem::path>& data) {
  app.add_option(
         "--data", data,
         "Folder with MNIST's four files (default: $WEFT_MNIST, else ~/.cache/weft/mnist, else synthetic "
         "digits)")
      ->type_name("DIR")
      ->group(kFileGroup);
}

void add_thread_options(CLI::App& app, ThreadOptions& options) {
  constexpr int kMostThreads = 256;
  app.add_option("--threads", options.threads, "Threads to compute with, at most")
      ->check(whole_within(1, kMostThreads))
      ->group(kComputingGroup);
  app.add_option(
         "--cuts", options.cuts,
         "Shards that each step is cut into (0: one for each thread); a number gives the same bits with "
         "any number of threads")
      ->check(whole_within(0, kMostThreads))
      ->group(kComputingGroup);
}

void add_precision_option(CLI::App& app, Precision& products) {
  add_choice(app, "--precision", products, "precision", {{"f32", Precision::f32}, {"bf16", Precision::bf16}},
             "What products of matrices round their operands to: bf16 takes about half the time where the "
             "processor has "
             "avx512_bf16; weights and sums stay f32")
      ->option_text("f32|bf16 [f32]");
}

void add_sparse_option(CLI::App& app, SkipZeros& skip_zeros) {
  add_choice(app, "--sparse", skip_zeros, "mode",
             {{"auto", SkipZeros::automatic}, {"on", SkipZeros::always}, {"off", SkipZeros::never}},
             "Whether products skip the zeros of the data: auto as measured, on or off")
      ->option_text("auto|on|off [auto]");
}

}  // namespace weft::cli
