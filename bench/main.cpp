// The program `weft_bench`: how fast the engine trains and predicts, as ratios to a loop written by hand and
// to other frameworks.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "weft/bench/program.h"
#include "weft/bench/report.h"
#include "weft/graph/error.h"

namespace weft::bench {
namespace {

struct BenchArgs {
  std::optional<std::filesystem::path> data;
  std::vector<int> threads{1, 2};
  std::vector<std::string> only;
  std::vector<std::string> peers;
  bool no_peers = false;
  int rounds = 5;
  bool json = false;
};

std::vector<mnist::Configuration> chosen_configurations(const std::vector<std::string>& names) {
  const auto all = mnist::paper_configurations();
  if (names.empty()) return {all.begin(), all.end()};
  std::vector<mnist::Configuration> chosen;
  for (const std::string& name : names) chosen.push_back(mnist::configuration_named(name));
  return chosen;
}

/// The build puts the adapters beside this program.
std::vector<PeerDescription> chosen_peers(const BenchArgs& args) {
  if (args.no_peers) return {};
  std::vector<PeerDescription> peers =
      find_peers(std::filesystem::read_symlink("/proc/self/exe").parent_path() / "peers");
  if (args.peers.empty()) return peers;
  for (const std::string& name : args.peers) {
    if (std::ranges::find(peers, name, &PeerDescription::framework) != peers.end()) continue;
    std::string known;
    for (const PeerDescription& peer : peers) known += (known.empty() ? "" : ", ") + peer.framework;
    throw Error(ErrorCode::invalid_argument, "unknown peer", {.expected = known, .actual = name});
  }
  std::erase_if(peers, [&](const PeerDescription& peer) {
    return std::ranges::find(args.peers, peer.framework) == args.peers.end();
  });
  return peers;
}

int run(const BenchArgs& args) {
  const auto configurations = chosen_configurations(args.only);
  const data::Digits digits = data::load_digits(args.data, 1);
  std::vector<PeerDescription> peers = chosen_peers(args);
  const auto folder = data::find_mnist(args.data);
  if (!folder) {
    for (PeerDescription& peer : peers) peer.absent = "it reads MNIST's files, and there are none";
  }

  std::FILE* const talk = args.json ? stderr : stdout;
  fmt::print(talk, "{}; batch {}, sgd {}; medians of {} rounds in which all take turns\n", digits.source,
             kBatch, kLearningRate, args.rounds);
  print_peers(talk, peers);
  std::fflush(talk);

  auto contestants = own_contestants(digits, args.threads);
  for (const PeerDescription& peer : peers) {
    if (!peer.absent.empty() || !folder) continue;
    auto more = peer_contestants(peer, *folder);
    std::ranges::move(more, std::back_inserter(contestants));
  }
  std::vector<Comparison> comparisons;
  for (const mnist::Configuration& configuration : configurations) {
    comparisons.push_back(compare(configuration, contestants, args.rounds));
    print_comparison(talk, comparisons.back());
  }
  print_summary(talk, comparisons);
  if (!args.json) return 0;
  nlohmann::ordered_json line{{"machine", machine_json()},
                              {"data", digits.source},
                              {"batch", kBatch},
                              {"learning_rate", kLearningRate},
                              {"rounds", args.rounds},
                              {"peers", nlohmann::ordered_json::array()},
                              {"networks", nlohmann::ordered_json::array()}};
  for (const PeerDescription& peer : peers) line["peers"].push_back(to_json(peer));
  for (const Comparison& comparison : comparisons) line["networks"].push_back(to_json(comparison));
  fmt::print("{}\n", line.dump());
  return 0;
}

int parse_and_run(int argc, char** argv) {
  BenchArgs args;
  CLI::App app{
      "Trains and predicts with the engine, a loop written by hand over oneDNN, and the other frameworks "
      "that "
      "are installed, in turn, and prints ratios",
      "weft_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("--data", args.data, "Folder with MNIST, as for weft train")->type_name("DIR");
  app.add_option("--threads", args.threads, "Numbers of threads of the engine, e.g. 1,2")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  app.add_option("--rounds", args.rounds, "Measured rounds")->check(CLI::PositiveNumber);
  app.add_option("--only", args.only, "Networks by name, e.g. \"784-100-10 relu\"");
  auto* const peers = app.add_option("--peers", args.peers, "Frameworks by name; else all")->delimiter(',');
  app.add_flag("--no-peers", args.no_peers, "Without other frameworks")->excludes(peers);
  app.add_flag("--json", args.json, "Prints one line of JSON at the end; the table goes to stderr");
  CLI11_PARSE(app, argc, argv);
  return run(args);
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_bench", weft::bench::parse_and_run, argc, argv);
}
