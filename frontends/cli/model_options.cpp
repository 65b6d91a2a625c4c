#include "weft/frontends/cli/model_options.h"

#include <map>
#include <string>

#include "weft/frontends/cli/validators.h"

namespace weft::cli {

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

void add_sparse_option(CLI::App& app, SkipZeros& skip_zeros) {
  const std::map<std::string, SkipZeros> modes{
      {"auto", SkipZeros::automatic}, {"on", SkipZeros::always}, {"off", SkipZeros::never}};
  app.add_option("--sparse", skip_zeros,
                 "Whether products skip the zeros of the data: auto as measured, on or off")
      ->transform(CLI::CheckedTransformer(modes))
      ->option_text("auto|on|off [auto]")
      ->group(kComputingGroup);
}

}  // namespace weft::cli
