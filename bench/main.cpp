// The program `weft_bench`: how fast the engine trains and predicts, as ratios to a loop written by hand.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weft/bench/training.h"

namespace weft::bench {
namespace {

struct BenchArgs {
  std::optional<std::filesystem::path> data;
  std::vector<int> threads{1};
  std::vector<std::string> only;
  int rounds = 5;
  bool json = false;
};

bool chosen(const BenchArgs& args, const TrainingCase& network) {
  return args.only.empty() || std::ranges::find(args.only, network.name) != args.only.end();
}

int run(const BenchArgs& args) {
  const data::Digits digits = data::load_digits(args.data, 1);
  std::FILE* const talk = args.json ? stderr : stdout;
  fmt::print(talk, "{}; batch 64, sgd 0.1; medians of {} epochs of each in turn, seconds\n\n", digits.source,
             args.rounds);
  fmt::print(talk, "{:<20} {:>7} {:>9} {:>9} {:>7}   {:>9} {:>9} {:>7}   {:>9}\n", "network", "threads",
             "engine", "by hand", "ratio", "predict", "by hand", "ratio", "loss diff");
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const TrainingCase& network : training_cases()) {
    for (const int threads : args.threads) {
      if (!chosen(args, network)) continue;
      const auto result = compare_training(network, digits, {.threads = threads, .rounds = args.rounds});
      const double engine = median(result.engine_seconds);
      const double reference = median(result.reference_seconds);
      const double predict_ratio = result.engine_predict_seconds / result.reference_predict_seconds;
      fmt::print(talk, "{:<20} {:>7} {:>9.3f} {:>9.3f} {:>7.2f}   {:>9.4f} {:>9.4f} {:>7.2f}   {:>9.1e}\n",
                 network.name, threads, engine, reference, engine / reference, result.engine_predict_seconds,
                 result.reference_predict_seconds, predict_ratio, result.first_loss_difference);
      std::fflush(talk);
      rows.push_back({{"network", network.name},
                      {"threads", threads},
                      {"engine_seconds", engine},
                      {"reference_seconds", reference},
                      {"ratio", engine / reference},
                      {"engine_predict_seconds", result.engine_predict_seconds},
                      {"reference_predict_seconds", result.reference_predict_seconds},
                      {"predict_ratio", predict_ratio}});
    }
  }
  if (args.json) fmt::print("{}\n", rows.dump());
  return 0;
}

int parse_and_run(int argc, char** argv) {
  BenchArgs args;
  CLI::App app{
      "Trains with the engine and with a loop written by hand over oneDNN, in turn, and prints ratios",
      "weft_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("--data", args.data, "Folder with MNIST, as for weft train")->type_name("DIR");
  app.add_option("--threads", args.threads, "Numbers of threads to compare with, e.g. 1,2")->delimiter(',');
  app.add_option("--rounds", args.rounds, "Measured epochs of each")->check(CLI::PositiveNumber);
  app.add_option("--only", args.only, "Networks by name, e.g. \"784-100-10 relu\"");
  app.add_flag("--json", args.json, "Prints one line of JSON at the end; the table goes to stderr");
  CLI11_PARSE(app, argc, argv);
  return run(args);
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  try {
    return weft::bench::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weft_bench: %s\n", error.what());
  }
  return 1;
}
