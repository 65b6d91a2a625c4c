#include "weft/bench/report.h"

#include <fmt/format.h>

#include <fstream>
#include <string>
#include <thread>

#include "weft/runtime/machine/onednn.h"

namespace weft::bench {
namespace {

constexpr double kMilliseconds = 1000.0;

/// "AMD EPYC", as Linux calls it.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string compiler_name() {
#ifdef __clang__
  return "clang " __VERSION__;
#else
  return "g++ " __VERSION__;
#endif
}

const char* verdict(const Target& target) { return target.met() ? "pass" : "FAIL"; }

}  // namespace

nlohmann::ordered_json machine_json() {
  return {{"processor", processor_name()},
          {"hardware_threads", std::thread::hardware_concurrency()},
          {"compiler", compiler_name()},
          {"onednn", onednn_version()}};
}

nlohmann::ordered_json to_json(const PeerDescription& peer) {
  if (!peer.absent.empty()) return {{"framework", peer.framework}, {"absent", peer.absent}};
  return {{"framework", peer.framework}, {"version", peer.version}};
}

nlohmann::ordered_json to_json(const Comparison& comparison) {
  nlohmann::ordered_json contestants = nlohmann::ordered_json::array();
  for (const Measured& one : comparison.contestants) {
    contestants.push_back({{"name", one.name},
                           {"setting", one.setting},
                           {"threads", one.threads},
                           {"train_seconds", one.train.median()},
                           {"predict_seconds", one.predict.median()},
                           {"latency_us", one.latency.median()},
                           {"first_loss", one.loss},
                           {"rounds",
                            {{"train_seconds", one.train.rounds},
                             {"predict_seconds", one.predict.rounds},
                             {"latency_us", one.latency.rounds}}}});
  }
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  for (const Target& target : targets_of(comparison)) {
    targets.push_back({{"what", target.what},
                       {"value", target.value},
                       {target.at_most ? "at_most" : "at_least", target.bound},
                       {"met", target.met()}});
  }
  return {{"network", comparison.configuration.name},
          {"layers", comparison.configuration.layers},
          {"activation", comparison.configuration.activation},
          {"contestants", contestants},
          {"targets", targets},
          {"loss_difference", loss_difference(comparison)}};
}

void print_comparison(std::FILE* stream, const Comparison& comparison) {
  fmt::print(stream, "\n{:<56} {:>9} {:>11} {:>11}\n", comparison.configuration.name, "train s", "predict ms",
             "latency us");
  for (const Measured& one : comparison.contestants) {
    fmt::print(stream, "  {:<13} {:<40} {:>9.3f} {:>11.2f} {:>11.2f}\n", one.name, one.setting,
               one.train.median(), kMilliseconds * one.predict.median(), one.latency.median());
  }
  for (const Target& target : targets_of(comparison)) {
    fmt::print(stream, "    {:<52} {:>9.2f}   {} {:<5} {}\n", target.what, target.value,
               target.at_most ? "<=" : ">=", target.bound, verdict(target));
  }
  if (const double difference = loss_difference(comparison); difference > 0.0) {
    fmt::print(stream, "    {:<52} {:>9.1e}\n", "loss of the first epoch: relative difference", difference);
  }
  std::fflush(stream);
}

void print_peers(std::FILE* stream, std::span<const PeerDescription> peers) {
  for (const PeerDescription& peer : peers) {
    if (peer.absent.empty()) {
      fmt::print(stream, "{} {}\n", peer.framework, peer.version);
    } else {
      fmt::print(stream, "{} is absent: {}\n", peer.framework, peer.absent);
    }
  }
}

void print_summary(std::FILE* stream, std::span<const Comparison> comparisons) {
  std::size_t all = 0;
  std::string missed;
  std::size_t failures = 0;
  for (const Comparison& comparison : comparisons) {
    for (const Target& target : targets_of(comparison)) {
      ++all;
      if (target.met()) continue;
      ++failures;
      missed +=
          fmt::format("  {:<20} {:<48} {:.2f}\n", comparison.configuration.name, target.what, target.value);
    }
  }
  fmt::print(stream, "\n{} of {} targets met{}\n{}", all - failures, all,
             missed.empty() ? "" : "; missed:", missed);
}

}  // namespace weft::bench
