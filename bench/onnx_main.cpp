// The program `weft_onnx_bench`: predictions of ONNX models by weft and by ONNX Runtime, which take turns as
// processes of their own. The models are files, or those of frontends/examples/models as weft saves them.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "weft/bench/comparison.h"
#include "weft/bench/peers.h"
#include "weft/bench/program.h"
#include "weft/frontends/examples/models/models.h"
#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/graph/philox.h"
#include "weft/runtime/machine/machine_peak.h"
#include "weft/runtime/run/profile.h"

namespace weft::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Tensor random_numbers(const TensorType& type, PhiloxSequence& random) {
  Tensor tensor = Tensor::uninitialized(type.dtype, type.shape);
  visit_dtype(type.dtype, [&]<typename T>(T) {
    for (T& number : tensor.mutable_values<T>()) {
      const float uniform = random.uniform();
      number = std::is_floating_point_v<T> ? static_cast<T>(2.0F * uniform - 1.0F)
                                           : static_cast<T>(uniform < 0.5F);
    }
  });
  return tensor;
}

/// A model of a file, compiled with its first call; a symbol has the size `symbols`.
class ServedFile {
 public:
  ServedFile(const fs::path& file, const SessionOptions& options, std::int64_t symbols) {
    const auto start = Clock::now();
    const onnx::Imported imported = onnx::load(graph_, file);
    import_ms_ = milliseconds_since(start);
    FunctionSpec spec;
    Bindings bindings;
    for (const onnx::ImportedInput& input : imported.inputs) {
      spec.inputs.push_back(input.value);
      for (const Dim& size : input.value.shape()) {
        for (const std::string& symbol : size.symbols()) bindings[symbol] = symbols;
      }
    }
    for (const onnx::ImportedOutput& output : imported.outputs)
      spec.outputs.insert(spec.outputs.end(), output.values.begin(), output.values.end());
    PhiloxSequence random(1, 0);
    for (const onnx::ImportedInput& input : imported.inputs) {
      const TensorType& type = input.value.type();
      feeds_.push_back(random_numbers({type.dtype, type.shape.bind(bindings)}, random));
      inputs_.push_back({{"name", input.name},
                         {"dtype", std::string(name_of(type.dtype))},
                         {"dims", std::vector(feeds_.back().sizes().begin(), feeds_.back().sizes().end())}});
    }
    session_.emplace(graph_, options);
    function_ = session_->compile(spec);
    (*function_)(feeds_);
    ready_ms_ = milliseconds_since(start);
  }

  /// The time of a call in milliseconds: of the clock, or of the process on all processors.
  double predict(int calls, bool processor) {
    const auto start = Clock::now();
    const std::clock_t used = std::clock();
    for (int i = 0; i < calls; ++i) (*function_)(feeds_);
    const double spent = 1e3 * static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
    return (processor ? spent : milliseconds_since(start)) / calls;
  }
  json description() const { return {{"import", import_ms_}, {"ready", ready_ms_}, {"inputs", inputs_}}; }
  Profile profile(std::size_t latest) const { return function_->profile(latest); }

 private:
  Graph graph_;
  std::vector<Tensor> feeds_;
  json inputs_ = json::array();
  std::optional<Session> session_;
  std::optional<Function> function_;
  double import_ms_ = 0.0;
  double ready_ms_ = 0.0;  // from the file to the end of the first call
};

int serve(const fs::path& file, int threads, std::int64_t symbols, const std::vector<std::string>& without) {
  ServedFile model(file, {.threads = threads, .compile = {.without = without}}, symbols);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    int calls = 1;
    std::string clock;
    words >> command >> calls >> clock;
    const json answer =
        command == "predict" ? json{{"ms", model.predict(calls, clock == "processor")}} : model.description();
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

int print_profile(const fs::path& file, int threads, std::int64_t symbols,
                  const std::vector<std::string>& without) {
  ServedFile model(file, {.threads = threads, .compile = {.without = without, .profile = true}}, symbols);
  constexpr int kCalls = 20;
  model.predict(kCalls, false);
  fmt::print("{}", to_text(model.profile(kCalls / 2), measure_peak(threads)));
  return 0;
}

// --- the comparison ---

constexpr double kEnoughMilliseconds = 150.0;  // of one measurement

class Participant {
 public:
  Participant(const fs::path& program, const std::vector<std::string>& arguments, bool processor)
      : process_(program, arguments, Environment{}), clock_(processor ? "processor" : "wall") {}

  json describe() { return process_.ask("describe"); }
  void warm_up() {
    ask(3);
    calls_ = std::clamp(static_cast<int>(kEnoughMilliseconds / ask(1)), 1, 2000);
  }
  void measure() { times_.rounds.push_back(ask(calls_)); }
  const Samples& times() const { return times_; }

 private:
  double ask(int calls) {
    return process_.ask(fmt::format("predict {} {}", calls, clock_)).at("ms").get<double>();
  }

  PeerProcess process_;
  std::string clock_;
  int calls_ = 1;
  Samples times_;
};

struct Settings {
  std::vector<fs::path> files;
  int rounds = 5;
  int threads = 1;
  std::int64_t symbols = 1;
  bool no_peers = false;
  bool processor = false;
  std::vector<std::string> without;
};

void compare(const std::string& name, const fs::path& file, const fs::path& runtime,
             const Settings& settings) {
  const auto self = fs::read_symlink("/proc/self/exe");
  std::vector<std::string> arguments{"--serve",   file.string(),
                                     "--threads", std::to_string(settings.threads),
                                     "--symbols", std::to_string(settings.symbols)};
  for (const std::string& left_out : settings.without)
    arguments.insert(arguments.end(), {"--without", left_out});
  Participant weft(self, arguments, settings.processor);
  const json said = weft.describe();
  weft.warm_up();
  std::optional<Participant> other;
  if (!runtime.empty()) {
    other.emplace(
        runtime,
        std::vector<std::string>{file.string(), std::to_string(settings.threads), said.at("inputs").dump()},
        settings.processor);
    other->warm_up();
  }
  for (int round = 0; round < settings.rounds; ++round) {
    weft.measure();
    if (other) other->measure();
  }
  fmt::print("{:<24} {:9.1f} {:9.1f} {:10.3f}", name, said.at("import").get<double>(),
             said.at("ready").get<double>(), weft.times().median());
  if (other) fmt::print(" {:10.3f} {:6.2f}", other->times().median(), ratio(weft.times(), other->times()));
  fmt::print("\n");
  std::fflush(stdout);
}

/// The examples' predictions, saved in a folder that is gone at the end.
class SavedExamples {
 public:
  SavedExamples() : folder_(fs::temp_directory_path() / fmt::format("weft_onnx_bench.{}", ::getpid())) {
    fs::create_directories(folder_);
  }
  SavedExamples(const SavedExamples&) = delete;
  SavedExamples& operator=(const SavedExamples&) = delete;
  ~SavedExamples() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  /// Nothing for a model that ONNX cannot say.
  std::optional<fs::path> save(const examples::ModelEntry& entry) const {
    const examples::Model model = entry.make();
    fs::path file = folder_ / fmt::format("{}.onnx", entry.name);
    try {
      onnx::save(file, {.inputs = model.given, .outputs = {model.prediction}});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      return std::nullopt;
    }
    return file;
  }

 private:
  fs::path folder_;
};

int run_comparison(const Settings& settings) {
  const auto self = fs::read_symlink("/proc/self/exe");
  fs::path runtime = settings.no_peers ? "" : self.parent_path() / "peers" / "models" / "onnx_runtime";
  if (!runtime.empty()) {
    const PeerDescription description = describe_peer(runtime);
    if (description.absent.empty()) {
      fmt::print("{} {}\n", description.framework, description.version);
    } else {
      fmt::print("without ONNX Runtime: {}\n", description.absent);
      runtime.clear();
    }
  }
  fmt::print("ms, medians; ready: from the file to the end of the first call; x: weft / ONNX Runtime\n");
  fmt::print("{:<24} {:>9} {:>9} {:>10}", "model", "import", "ready", "weft");
  if (!runtime.empty()) fmt::print(" {:>10} {:>6}", "runtime", "x");
  fmt::print("\n");
  for (const fs::path& file : settings.files) compare(file.stem().string(), file, runtime, settings);
  if (!settings.files.empty()) return 0;
  const SavedExamples saved;
  for (const examples::ModelEntry& entry : examples::models()) {
    if (const auto file = saved.save(entry)) compare(std::string(entry.name), *file, runtime, settings);
  }
  return 0;
}

int parse_and_run(int argc, char** argv) {
  Settings settings;
  fs::path served;
  fs::path profiled;
  CLI::App app{"Times predictions of ONNX models beside ONNX Runtime", "weft_onnx_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("FILES", settings.files, "Models; without any, those of the examples, as weft saves them")
      ->option_text(" ");
  app.add_option("--rounds", settings.rounds, "Measurements of each, of which the median counts")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", settings.threads, "Threads of each")->check(CLI::PositiveNumber);
  app.add_option("--symbols", settings.symbols, "The size of every symbol")->check(CLI::PositiveNumber);
  app.add_flag("--no-peers", settings.no_peers, "weft alone");
  app.add_option("--profile", profiled, "Prints where the time of this model's prediction goes");
  app.add_option("--without", settings.without, "Passes and kernels that weft leaves out");
  app.add_flag("--processor-time", settings.processor,
               "Counts the time of processors, for machines that others use too");
  app.add_option("--serve", served, "Answers for one model on stdin")->group("");
  CLI11_PARSE(app, argc, argv);
  if (!served.empty()) return serve(served, settings.threads, settings.symbols, settings.without);
  if (!profiled.empty()) return print_profile(profiled, settings.threads, settings.symbols, settings.without);
  return run_comparison(settings);
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_onnx_bench", weft::bench::parse_and_run, argc, argv);
}
