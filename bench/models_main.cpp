// The program `weft_model_bench`: steps and predictions of models of many kinds, beside the same models
// written for PyTorch. Every contestant is a process of its own, weft too, and they take turns.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "weft/bench/comparison.h"
#include "weft/bench/peers.h"
#include "weft/bench/program.h"
#include "weft/bench/text_job.h"
#include "weft/frontends/examples/models/models.h"
#include "weft/runtime/machine/machine_peak.h"
#include "weft/runtime/run/profile.h"

namespace weft::bench {
namespace {

using nlohmann::json;

// --- one contestant: a process that answers on its stdin and stdout ---

double milliseconds_of(int calls, auto call) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / calls;
}

/// A model of weft's own, compiled when it is first asked for.
class ServedModel {
 public:
  ServedModel(const examples::ModelEntry& entry, int threads)
      : model_(entry.make()), session_(*model_.graph, {.threads = threads}) {}

  json answer(const std::string& command, int calls) {
    if (command == "train") {
      if (!step_) {
        step_ =
            session_.compile({.inputs = model_.inputs, .outputs = {model_.loss}, .updates = model_.updates});
      }
      return {{"ms", milliseconds_of(calls, [&] { (*step_)(model_.batch); })}};
    }
    if (command == "predict") {
      if (!predict_) predict_ = session_.compile({.inputs = model_.given, .outputs = {model_.prediction}});
      return {{"ms", milliseconds_of(calls, [&] { (*predict_)(model_.samples); })}};
    }
    return {{"mb", static_cast<double>(peak_resident_bytes()) / 1e6}};
  }

 private:
  examples::Model model_;
  Session session_;
  std::optional<Function> step_;
  std::optional<Function> predict_;
};

const examples::ModelEntry& find_model(const std::string& name) {
  const auto all = examples::models();
  const auto found = std::ranges::find(all, name, &examples::ModelEntry::name);
  if (found != all.end()) return *found;
  std::string names;
  for (const examples::ModelEntry& entry : all) names += fmt::format(" {}", entry.name);
  throw Error(ErrorCode::invalid_argument, "there is no such model",
              {.expected = "one of" + names, .actual = name});
}

int serve(const std::string& name, int threads) {
  ServedModel model(find_model(name), threads);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    int calls = 1;
    words >> command >> calls;
    std::cout << model.answer(command, calls).dump() << std::endl;
  }
  return 0;
}

int print_profile(const std::string& name, int threads, const std::vector<std::string>& without) {
  const examples::Model model = find_model(name).make();
  Session session(*model.graph, {.threads = threads, .compile = {.without = without, .profile = true}});
  Function step =
      session.compile({.inputs = model.inputs, .outputs = {model.loss}, .updates = model.updates});
  for (int i = 0; i < 20; ++i) step(model.batch);
  fmt::print("{}", to_text(step.profile(10), measure_peak(threads)));
  return 0;
}

// --- the comparison ---

constexpr double kEnoughMilliseconds = 150.0;  // of one measurement

struct Contestant {
  Contestant(std::string its_name, int its_threads, const std::filesystem::path& program,
             const std::vector<std::string>& arguments, const Environment& environment)
      : name(std::move(its_name)), threads(its_threads), process(program, arguments, environment) {}

  std::string name;
  int threads;
  PeerProcess process;
  std::map<std::string, Samples> times;     // milliseconds a call, by command
  std::map<std::string, int> calls;         // of one measurement
  std::map<std::string, double> megabytes;  // resident at most so far, after the first calls of a command

  double ask(const std::string& command, int count) {
    return process.ask(fmt::format("{} {}", command, count)).at("ms").get<double>();
  }
  void warm_up(const std::string& command) {
    ask(command, 3);
    calls[command] = std::clamp(static_cast<int>(kEnoughMilliseconds / ask(command, 1)), 1, 1000);
  }
  void measure(const std::string& command) {
    times[command].rounds.push_back(ask(command, calls.at(command)));
  }
};

using Contestants = std::vector<std::unique_ptr<Contestant>>;

/// The fastest of the forms and settings of one name that use as many threads.
const Contestant& fastest(const Contestants& all, std::string_view name, int threads,
                          const std::string& command) {
  const Contestant* best = nullptr;
  for (const auto& one : all) {
    if (one->name != name || one->threads != threads) continue;
    if (best == nullptr || one->times.at(command).median() < best->times.at(command).median())
      best = one.get();
  }
  if (best == nullptr) throw Error(ErrorCode::internal, fmt::format("{} did not take part", name));
  return *best;
}

Contestants contestants_for(const examples::ModelEntry& entry, const std::filesystem::path& self,
                            const std::filesystem::path& twins) {
  Contestants all;
  const std::string name(entry.name);
  for (const int threads : {1, 2}) {
    all.push_back(std::make_unique<Contestant>(
        "weft", threads, self,
        std::vector<std::string>{"--serve", name, "--threads", std::to_string(threads)}, Environment{}));
  }
  if (twins.empty()) return all;
  const json forms = PeerProcess(twins, {"--variants", name}, {}).read();
  for (const std::string form : forms) {
    for (const int omp : {1, 2}) {
      for (const int blas : {1, 2}) {
        all.push_back(std::make_unique<Contestant>(
            "PyTorch", std::max(omp, blas), twins, std::vector<std::string>{form},
            Environment{{"OMP_NUM_THREADS", std::to_string(omp)},
                        {"OPENBLAS_NUM_THREADS", std::to_string(blas)}}));
      }
    }
  }
  return all;
}

Contestants compare(const examples::ModelEntry& entry, const std::filesystem::path& self,
                    const std::filesystem::path& twins, int rounds) {
  constexpr auto kPause = std::chrono::milliseconds(50);  // for threads that spin after their work
  Contestants all = contestants_for(entry, self, twins);
  const std::vector<std::string> commands{"train", "predict"};
  for (const auto& one : all) {
    for (const std::string& command : commands) {
      one->warm_up(command);
      one->megabytes[command] = one->process.ask("memory").at("mb").get<double>();
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (const std::string& command : commands) {
      for (const auto& one : all) {
        std::this_thread::sleep_for(kPause);
        one->measure(command);
      }
    }
  }
  return all;
}

void print_row(const examples::ModelEntry& entry, const Contestants& all, bool with_twins) {
  for (const std::string command : {"train", "predict"}) {
    fmt::print("{:<12} {:<8}", command == "train" ? entry.name : "", command);
    for (const int threads : {1, 2}) {
      const Contestant& own = fastest(all, "weft", threads, command);
      fmt::print(" {:9.3f}", own.times.at(command).median());
      if (!with_twins) continue;
      const Contestant& twin = fastest(all, "PyTorch", threads, command);
      fmt::print(" {:9.3f} {:6.2f}", twin.times.at(command).median(),
                 ratio(twin.times.at(command), own.times.at(command)));
    }
    fmt::print(" {:6.2f}", ratio(fastest(all, "weft", 1, command).times.at(command),
                                 fastest(all, "weft", 2, command).times.at(command)));
    fmt::print(" {:7.0f}", fastest(all, "weft", 1, command).megabytes.at(command));
    if (with_twins) fmt::print(" {:8.0f}", fastest(all, "PyTorch", 1, command).megabytes.at(command));
    fmt::print("\n");
  }
  std::fflush(stdout);
}

void print_heading(bool with_twins) {
  fmt::print(
      "ms a call, medians; x: PyTorch / weft; 2t: one thread / two; MB: resident at most, predictions after "
      "training\n");
  fmt::print("{:<12} {:<8}", "model", "");
  for (const int threads : {1, 2}) {
    fmt::print(" {:>9}", fmt::format("weft {}t", threads));
    if (with_twins) fmt::print(" {:>9} {:>6}", "PyTorch", "x");
  }
  fmt::print(" {:>6} {:>7}", "2t", "MB");
  if (with_twins) fmt::print(" {:>8}", "PyTorch");
  fmt::print("\n");
}

int run_comparison(const std::vector<std::string>& only, int rounds, bool with_twins) {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  std::filesystem::path twins = with_twins ? self.parent_path() / "peers" / "models" / "pytorch" : "";
  if (with_twins) {
    const PeerDescription description = describe_peer(twins);
    if (!description.absent.empty()) {
      fmt::print("without PyTorch: {}\n", description.absent);
      twins.clear();
    } else {
      fmt::print("{} {}\n", description.framework, description.version);
    }
  }
  print_heading(!twins.empty());
  for (const examples::ModelEntry& entry : examples::models()) {
    if (!only.empty() && std::ranges::find(only, entry.name) == only.end()) continue;
    print_row(entry, compare(entry, self, twins, rounds), !twins.empty());
  }
  return 0;
}

int parse_and_run(int argc, char** argv) {
  std::vector<std::string> only;
  std::string served;
  std::string profiled;
  std::vector<std::string> without;
  int rounds = 5;
  int threads = 1;
  bool no_peers = false;
  CLI::App app{"Times the steps of models of many kinds beside their twins in PyTorch", "weft_model_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("--only", only, "Models, by name");
  app.add_option("--rounds", rounds, "Measurements of each, of which the median counts")
      ->check(CLI::PositiveNumber);
  app.add_flag("--no-peers", no_peers, "weft alone");
  app.add_option("--serve", served, "Answers for one model on stdin, as the twins do")->group("");
  app.add_option("--profile", profiled, "Prints where the time of this model's training step goes");
  app.add_option("--without", without, "Passes and kernels that the profile leaves out");
  app.add_option("--threads", threads, "Threads for a profile")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (!served.empty()) return serve(served, threads);
  if (!profiled.empty()) return print_profile(profiled, threads, without);
  for (const std::string& name : only) find_model(name);
  return run_comparison(only, rounds, !no_peers);
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_model_bench", weft::bench::parse_and_run, argc, argv);
}
