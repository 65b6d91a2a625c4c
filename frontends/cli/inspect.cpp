#include <fmt/format.h>

#include <memory>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/graph/print.h"
#include "weft/ops/source.h"
#include "weft/runtime/file_system.h"

namespace weft::cli {
namespace {

struct InspectArgs {
  mnist::TrainingConfig config;
  std::string function = "train";
  std::string stage = "plan";
  ThreadOptions threads;
  std::optional<std::filesystem::path> dot;
};

constexpr std::int64_t kSamples = 60'000;  // as many as MNIST has

std::string kilobytes(std::size_t bytes) {
  return fmt::format("{:>10.1f} kB", static_cast<double>(bytes) / 1000.0);
}

void print_ledger(const MemoryLedger& ledger, std::size_t fed) {
  fmt::print("arena       {}   values between steps; {} at least\n", kilobytes(ledger.arena),
             kilobytes(ledger.peak_live));
  fmt::print("scratch     {}   the threads' own\n", kilobytes(ledger.scratch));
  fmt::print("parameters  {}   optimizer slots included\n", kilobytes(ledger.parameters));
  fmt::print("outputs     {}\n", kilobytes(ledger.outputs));
  fmt::print("constants   {}\n", kilobytes(ledger.constants));
  fmt::print("inputs      {}   the caller's; a resident data set counts here\n", kilobytes(fed));
}

std::size_t fed_bytes(const Compilation& compilation) {
  std::size_t bytes = 0;
  for (const Storage& storage : compilation.lowered.storages)
    bytes += storage.place == Place::feed ? storage.bytes : 0;
  return bytes;
}

int inspect(const InspectArgs& args) {
  Graph graph;
  const mnist::Mlp mlp(graph, args.config.model);
  const Bindings bindings{{"batch", args.config.batch}, {"samples", kSamples}};
  FunctionSpec spec;
  if (args.function == "train") {
    const Value images = input(graph, "images", u8, {"samples", args.config.model.inputs});
    const Value labels = input(graph, "labels", u8, {"samples"});
    spec = mnist::training_step(mlp, images, labels, args.config.optimizer);
    spec.inputs.insert(spec.inputs.begin(), {images, labels});
  } else {
    spec = mnist::prediction(graph, mlp, args.config.model.inputs);
  }
  Session session(graph, {.threads = args.threads.threads, .compile = {.cuts = args.threads.cuts}});
  const bool plan = args.stage == "plan";
  const Compilation compilation =
      session.inspect(spec, bindings, [&](std::string_view stage, const std::string& text) {
        const bool shown =
            plan ? stage == "prune" || stage == "schedule" : args.stage == "all" || args.stage == stage;
        if (shown) fmt::print("== {}\n{}\n", plan && stage == "prune" ? "graph" : stage, text);
      });
  if (plan || args.stage == "all" || args.stage == "memory") {
    fmt::print("== memory\n");
    print_ledger(ledger_of(compilation), fed_bytes(compilation));
    const Schedule& schedule = compilation.schedule;
    fmt::print("\n{} steps, {} barriers, {} of {} threads, each step in up to {} part{}\n",
               schedule.order.size(), schedule.barriers(), schedule.threads, args.threads.threads,
               schedule.parts, schedule.parts == 1 ? "" : "s");
  }
  if (args.dot) {
    write_text_file(*args.dot, to_dot(compilation.lowered.program));
    fmt::print(stderr, "wrote {}\n", args.dot->string());
  }
  return kSuccess;
}

}  // namespace

Registered add_inspect(CLI::App& weft) {
  auto args = std::make_shared<InspectArgs>();
  CLI::App* app = weft.add_subcommand("inspect", "Prints graph, plan and memory of a network; runs nothing");
  add_model_options(*app, args->config);
  app->add_option("--function", args->function, "Which of the network's functions")
      ->check(CLI::IsMember(std::vector<std::string>{"train", "predict"}));
  app->add_option("--stage", args->stage, "One stage of the compiler, the plan, or all")
      ->check(CLI::IsMember(std::vector<std::string>{"plan", "prune", "specialize", "simplify", "fuse",
                                                     "schedule", "memory", "all"}));
  add_thread_options(*app, args->threads);
  app->add_option("--dot", args->dot, "Also writes the fused graph for Graphviz")->type_name("FILE");
  return {app, [args] { return inspect(*args); }};
}

}  // namespace weft::cli
