#include "weft/bench/peers/adapter.h"

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "weft/frontends/data/mnist.h"

namespace weft::peers {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kLatencyWarmUp = 100;
constexpr int kLatencyCalls = 1000;

struct AdapterArgs {
  std::filesystem::path data;
  Job job;
  bool describe = false;
  bool serve = false;
};

Images images_of(const data::Dataset& dataset) {
  constexpr float kWhite = 255.0F;
  Images images{.values = {}, .labels = {}, .pixels = dataset.images.sizes()[1]};
  const auto pixels = dataset.images.values<std::uint8_t>();
  images.values.reserve(pixels.size());
  for (const std::uint8_t pixel : pixels) {
    images.values.push_back(static_cast<float>(pixel) / kWhite);
  }
  for (const std::uint8_t label : dataset.labels.values<std::uint8_t>()) images.labels.push_back(label);
  return images;
}

Digits read_digits(const std::filesystem::path& folder) {
  const data::Digits digits = data::read_mnist(folder);
  return {.train = images_of(digits.train), .test = images_of(digits.test)};
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Json timed_epoch(Peer& peer) {
  double loss = 0.0;
  const double seconds = seconds_of([&] { loss = peer.epoch(); });
  return {{"seconds", seconds}, {"loss", loss}};
}

Json timed_predict(Peer& peer, const Digits& digits) {
  std::vector<std::int64_t> classes;
  const double seconds = seconds_of([&] { classes = peer.predict(); });
  std::int64_t right = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) right += classes[i] == digits.test.labels[i] ? 1 : 0;
  return {{"seconds", seconds},
          {"accuracy", static_cast<double>(right) / static_cast<double>(classes.size())}};
}

double latency_us(Peer& peer, const Digits& digits) {
  const auto calls = [&](int count) {
    for (int call = 0; call < count; ++call) peer.predict_one(call % std::ssize(digits.test.labels));
  };
  calls(kLatencyWarmUp);
  constexpr double kMicroseconds = 1e6;
  return kMicroseconds * seconds_of([&] { calls(kLatencyCalls); }) / kLatencyCalls;
}

double peak_rss_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr double kKibibytes = 1024.0;
  return static_cast<double>(usage.ru_maxrss) / kKibibytes;
}

Json obey(Peer& peer, const Digits& digits, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "network") {
    std::string layers;
    std::string activation;
    words >> layers >> activation;
    std::vector<std::int64_t> widths;
    for (const std::string& width : CLI::detail::split(layers, ',')) widths.push_back(std::stoll(width));
    peer.network(widths, activation);
    return Json::object();
  }
  if (command == "epoch") return timed_epoch(peer);
  if (command == "predict") return timed_predict(peer, digits);
  if (command == "latency") return {{"latency_us", latency_us(peer, digits)}};
  if (command == "memory") return {{"peak_rss_mb", peak_rss_mb()}};
  throw std::invalid_argument("unknown command '" + command +
                              "'; there are network, epoch, predict, latency and memory");
}

void serve(Peer& peer, const Digits& digits) {
  for (std::string line; std::getline(std::cin, line);) std::cout << obey(peer, digits, line) << std::endl;
}

void run_once(const Framework& framework, Peer& peer, const Digits& digits, const Job& job) {
  peer.network(job.layers, job.activation);
  std::vector<double> seconds;
  std::vector<double> losses;
  double total = 0.0;
  for (std::int64_t epoch = 0; epoch < job.epochs; ++epoch) {
    const Json timed = timed_epoch(peer);
    seconds.push_back(timed["seconds"]);
    losses.push_back(timed["loss"]);
    total += seconds.back();
  }
  timed_predict(peer, digits);  // the first call pays for what later ones find ready
  const Json predicted = timed_predict(peer, digits);
  const double latency = latency_us(peer, digits);
  std::cout << Json{{"framework", framework.name},
                    {"version", framework.version},
                    {"layers", job.layers},
                    {"activation", job.activation},
                    {"epochs", job.epochs},
                    {"batch", job.batch},
                    {"threads", job.threads},
                    {"seed", job.seed},
                    {"seconds_per_epoch", seconds},
                    {"train_seconds", total},
                    {"predict_seconds", predicted["seconds"]},
                    {"latency_us", latency},
                    {"test_accuracy", predicted["accuracy"]},
                    {"train_loss", losses},
                    {"peak_rss_mb", peak_rss_mb()}}
            << std::endl;
}

/// Sets what is not set and starts the program again: its libraries have read their environment by now.
void settle_environment(const Environment& wanted, char** argv) {
  bool changed = false;
  for (const auto& [name, value] : wanted) {
    if (std::getenv(name.c_str()) != nullptr) continue;
    ::setenv(name.c_str(), std::to_string(value).c_str(), 1);
    changed = true;
  }
  if (changed) ::execv("/proc/self/exe", argv);
}

void run(const Framework& framework, const AdapterArgs& args, char** argv) {
  if (args.describe) {
    std::cout << Json{{"framework", framework.name},
                      {"version", framework.version},
                      {"settings", framework.settings}}
              << std::endl;
    return;
  }
  settle_environment(framework.environment(args.job.threads), argv);
  Digits digits = read_digits(args.data);
  const std::unique_ptr<Peer> peer = framework.make(digits, args.job);
  if (args.serve) {
    serve(*peer, digits);
  } else {
    run_once(framework, *peer, digits, args.job);
  }
}

int parse_and_run(int argc, char** argv, const Framework& framework) {
  AdapterArgs args;
  CLI::App app{"Trains a digit classifier with " + framework.name, framework.name};
  app.option_defaults()->always_capture_default();
  auto* const data = app.add_option("--data", args.data, "Folder with MNIST's four files");
  app.add_option("--layers", args.job.layers, "Hidden widths, e.g. 100,100")->delimiter(',');
  app.add_option("--activation", args.job.activation)->check(CLI::IsMember({"relu", "tanh"}));
  app.add_option("--epochs", args.job.epochs);
  app.add_option("--batch", args.job.batch)->check(CLI::PositiveNumber);
  app.add_option("--lr", args.job.rate);
  app.add_option("--threads", args.job.threads)->check(CLI::PositiveNumber);
  app.add_option("--seed", args.job.seed);
  app.add_flag("--serve", args.serve, "Commands on stdin instead of one run");
  auto* const describe = app.add_flag("--describe", args.describe, "Name, version and settings worth trying");
  CLI11_PARSE(app, argc, argv);
  if (data->empty() && describe->empty()) throw std::invalid_argument("--data is required");
  run(framework, args, argv);
  return 0;
}

}  // namespace

int run_adapter(int argc, char** argv, const Framework& framework) {
  try {
    return parse_and_run(argc, argv, framework);
  } catch (const std::exception& error) {
    std::cerr << framework.name << ": " << error.what() << '\n';
  }
  return 1;
}

}  // namespace weft::peers
