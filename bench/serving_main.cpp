// The program `weft_serving_bench`: how many calls of one compiled function several threads make, and how
// long the slowest take. Each caller asks for one row after the other, as fast as it is answered.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "weft/bench/program.h"
#include "weft/weft.h"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct ServingArgs {
  std::vector<int> callers{1, 2, 4, 8};
  double seconds = 1.0;
  std::int64_t rows = 1;
  bool json = false;
};

/// A network that serves, and what a call is fed.
struct Served {
  std::string name;
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::unique_ptr<Session> session;
  std::unique_ptr<Function> function;
  Tensor fed;
};

Served served(std::string name, const ServingArgs& args, const Shape& row,
              const std::function<nn::Sequential(Graph&)>& network) {
  Served made{.name = std::move(name), .session = {}, .function = {}, .fed = {}};
  std::vector<Dim> shape{"batch"};
  std::vector<std::int64_t> sizes{args.rows};
  for (const Dim& size : row) {
    shape.push_back(size);
    sizes.push_back(size.size());
  }
  const Value x = input(*made.graph, "x", f32, Shape(shape));
  const Value classes = argmax(network(*made.graph)(x));
  const int most = *std::ranges::max_element(args.callers);
  made.session = std::make_unique<Session>(*made.graph, SessionOptions{.callers = most});
  made.function = std::make_unique<Function>(made.session->compile({.inputs = {x}, .outputs = {classes}}));
  made.fed = Tensor::zeros(f32, sizes);
  // Any pixels that are not all alike.
  const auto pixels = made.fed.mutable_values<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i * 37 % 101) / 101.0F;
  return made;
}

std::vector<Served> networks(const ServingArgs& args) {
  std::vector<Served> made;
  made.push_back(served("784-128-10", args, {784}, [](Graph& graph) {
    return nn::Sequential{nn::dense(graph, "dense1", 128), relu, nn::dense(graph, "dense2", 10)};
  }));
  made.push_back(served("small CNN", args, {1, 28, 28}, [](Graph& graph) {
    return nn::Sequential{nn::conv2d(graph, "conv1", 8, 5),
                          relu,
                          nn::MaxPool2d{{.window = 2}},
                          nn::conv2d(graph, "conv2", 16, 5),
                          relu,
                          nn::MaxPool2d{{.window = 2}},
                          nn::Flatten{},
                          nn::dense(graph, "dense", 10)};
  }));
  return made;
}

struct ServingResult {
  double calls_per_second = 0.0;
  double median = 0.0;  // microseconds
  double late = 0.0;    // which 99 of 100 calls do not exceed
};

/// Calls for a while in one thread; the times of the calls in microseconds.
void call_until(const Served& network, const std::atomic<bool>& stop, std::vector<float>& times) {
  const std::array feeds{network.fed};
  Outputs outputs = network.function->outputs_for(feeds);
  for (Clock::time_point before = Clock::now(); !stop.load(std::memory_order_relaxed);) {
    network.function->run_into(feeds, outputs);
    const Clock::time_point after = Clock::now();
    times.push_back(std::chrono::duration<float, std::micro>(after - before).count());
    before = after;
  }
}

ServingResult measure(const Served& network, int callers, double seconds) {
  constexpr std::size_t kRoom = 4'000'000;  // calls of one caller, so that no measured call waits for memory
  std::vector<std::vector<float>> times(static_cast<std::size_t>(callers));
  for (std::vector<float>& own : times) own.reserve(kRoom);
  std::atomic<bool> stop{false};
  std::barrier start(callers + 1);
  Clock::time_point begin;
  {
    std::vector<std::jthread> threads;
    for (std::vector<float>& own : times) {
      threads.emplace_back([&] {
        (*network.function)({network.fed});
        start.arrive_and_wait();
        call_until(network, stop, own);
      });
    }
    start.arrive_and_wait();
    begin = Clock::now();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
  }
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<float> all;
  for (const std::vector<float>& own : times) all.insert(all.end(), own.begin(), own.end());
  std::ranges::sort(all);
  const auto at = [&](double share) {
    return static_cast<double>(all.at(static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))));
  };
  return {.calls_per_second = static_cast<double>(all.size()) / took, .median = at(0.5), .late = at(0.99)};
}

int parse_and_run(int argc, char** argv) {
  ServingArgs args;
  CLI::App app("Times calls of one function by several threads");
  app.add_option("--callers", args.callers, "how many threads call")->delimiter(',')->capture_default_str();
  app.add_option("--seconds", args.seconds, "for each of them")->capture_default_str();
  app.add_option("--rows", args.rows, "of a call")->capture_default_str();
  app.add_flag("--json", args.json, "prints a line of JSON for each");
  CLI11_PARSE(app, argc, argv);
  if (!args.json)
    fmt::print("{:<12}{:>8}{:>14}{:>10}{:>10}\n", "network", "callers", "calls/s", "p50, us", "p99, us");
  for (const Served& network : networks(args)) {
    for (const int callers : args.callers) {
      const ServingResult result = measure(network, callers, args.seconds);
      if (args.json) {
        const nlohmann::ordered_json line{
            {"network", network.name}, {"callers", callers},
            {"rows", args.rows},       {"calls_per_second", result.calls_per_second},
            {"p50_us", result.median}, {"p99_us", result.late}};
        fmt::print("{}\n", line.dump());
      } else {
        fmt::print("{:<12}{:>8}{:>14.0f}{:>10.1f}{:>10.1f}\n", network.name, callers, result.calls_per_second,
                   result.median, result.late);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_serving_bench", weft::bench::parse_and_run, argc, argv);
}
