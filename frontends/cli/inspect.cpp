#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/config/choices.h"
#include "weft/frontends/data/mnist.h"
#include "weft/graph/print.h"
#include "weft/graph/text.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/runtime/files/file_system.h"

namespace weft::cli {
namespace {

struct InspectArgs {
  TrainingFlags flags;
  std::optional<std::filesystem::path> data;
  SkipZeros skip_zeros = SkipZeros::automatic;
  Precision products = Precision::f32;
  std::string function = "train";
  std::string stage = "plan";
  std::vector<std::string> without;
  ThreadOptions threads;
  std::optional<std::filesystem::path> dot;
};

std::string kilobytes(std::size_t bytes) {
  return fmt::format("{:>10.1f} kB", static_cast<double>(bytes) / 1000.0);
}

void print_ledger(const MemoryLedger& ledger, std::size_t fed) {
  fmt::print("arena       {}   values between steps; {} at least\n", kilobytes(ledger.arena),
             kilobytes(ledger.peak_live));
  fmt::print("scratch     {}   the threads' own\n", kilobytes(ledger.scratch));
  fmt::print("parameters  {}\n", kilobytes(ledger.parameters));
  fmt::print("slots       {}   the optimizer's\n", kilobytes(ledger.slots));
  fmt::print("kept        {}   made from parameters alone, once for all calls\n", kilobytes(ledger.kept));
  fmt::print("outputs     {}\n", kilobytes(ledger.outputs));
  fmt::print("data        {}   constants: the resident data set\n", kilobytes(ledger.constants));
  fmt::print("inputs      {}   the caller's\n", kilobytes(fed));
}

std::size_t fed_bytes(const Compilation& compilation) {
  std::size_t bytes = 0;
  for (const Storage& storage : compilation.lowered.storages)
    bytes += storage.place == Place::feed ? storage.bytes : 0;
  return bytes;
}

/// Every pass of the list, and how many nodes the program had after those that ran.
void print_passes(const Compilation& compilation) {
  fmt::print("== passes\n{:<10} {:<24} {:>6}  what it does\n", "stage", "pass", "nodes");
  auto ran = compilation.passes.begin();
  for (const PassEntry& entry : pass_list()) {
    const bool counts = ran != compilation.passes.end() && ran->name == entry.name;
    fmt::print("{:<10} {:<24} {:>6}  {}\n", entry.stage, entry.name,
               counts ? std::to_string(ran->nodes) : "-", entry.does);
    if (counts) ++ran;
  }
}

/// The stages that --stage can show.
std::vector<std::string_view> shown_stages() {
  std::vector<std::string_view> names{"plan", "passes", "memory", "all"};
  for (const std::string_view stage : stage_names()) names.push_back(stage);
  return names;
}

/// One of shown_stages(). The error for the name of a pass says which stage it belongs to.
CLI::Validator stage_of_inspect() {
  const auto check = [](const std::string& name) -> std::string {
    const auto names = shown_stages();
    if (std::ranges::find(names, name) != names.end()) return {};
    const auto pass = std::ranges::find(pass_list(), name, &PassEntry::name);
    return pass == pass_list().end() ? unknown_choice("stage", name, names)
                                     : fmt::format(
                                           "'{}' is a pass of the stage '{}', which --stage {} shows; "
                                           "--stage passes lists them",
                                           name, pass->stage, pass->stage);
  };
  return CLI::Validator(check, "");
}

int inspect(const InspectArgs& args) {
  Graph graph;
  mnist::TrainingConfig config = args.flags.config();
  const Bindings bindings{{"batch", config.batch}};
  FunctionSpec spec;
  if (args.function == "train") {
    const data::Digits digits = data::load_digits(args.data, config.seed);
    fmt::print("== data\n{}\n\n", printable(digits.source));
    config.model.inputs = digits.train.images.sizes()[1];
    args.flags.scale_pixels(digits.train.images, config);
    spec = mnist::training_step(mnist::Mlp(graph, config.model), constant(graph, digits.train.images),
                                constant(graph, digits.train.labels), config);
  } else {
    spec = mnist::prediction(graph, mnist::Mlp(graph, config.model), config.model.inputs, config.pixels);
  }
  Session session(graph, {.threads = args.threads.threads,
                          .compile = {.cuts = args.threads.cuts,
                                      .products = args.products,
                                      .skip_zeros = args.skip_zeros,
                                      .without = args.without}});
  const bool plan = args.stage == "plan";
  const Compilation compilation = session.inspect(
      spec, bindings,
      [&](std::string_view stage, const std::string& text) {
        const bool shown = plan ? stage == "prune" || stage == "sparse" || stage == "schedule"
                                : args.stage == "all" || args.stage == stage;
        if (shown) fmt::print("== {}\n{}\n", plan && stage == "prune" ? "graph" : stage, text);
      },
      Where());
  if (args.stage == "passes") print_passes(compilation);
  if (plan || args.stage == "all" || args.stage == "memory") {
    fmt::print("== memory\n");
    print_ledger(ledger_of(compilation), fed_bytes(compilation));
    const Schedule& schedule = compilation.schedule;
    fmt::print("\n{} steps, {} barriers, {} of {} threads, each step in up to {} shard{}\n",
               schedule.order.size(), schedule.barriers(), schedule.threads, args.threads.threads,
               schedule.shards, schedule.shards == 1 ? "" : "s");
  }
  if (args.dot) {
    write_text_file(*args.dot, to_dot(compilation.lowered.program));
    fmt::print(stderr, "wrote {}\n", printable(args.dot->string()));
  }
  return kSuccess;
}

}  // namespace

Registered add_inspect(CLI::App& weft) {
  auto args = std::make_shared<InspectArgs>();
  CLI::App* app = weft.add_subcommand("inspect", "Prints graph, plan and memory of a network; runs nothing");
  args->flags.add_to(*app, {.takes_model = true});
  add_data_option(*app, args->data);
  add_sparse_option(*app, args->skip_zeros);
  add_precision_option(*app, args->products);
  app->add_option("--function", args->function, "Which of the network's functions")
      ->check(CLI::IsMember(std::vector<std::string>{"train", "predict"}));
  app->add_option("--stage", args->stage, fmt::format("What to show: {}", listed(shown_stages())))
      ->check(stage_of_inspect())
      ->type_name("NAME");
  app->add_option("--without", args->without, "Passes and kernels to leave out; see --stage passes")
      ->delimiter(',')
      ->type_name("NAME");
  add_thread_options(*app, args->threads);
  app->add_option("--dot", args->dot, "Also writes the fused graph for Graphviz")->type_name("FILE");
  return {app, [args] { return inspect(*args); }};
}

}  // namespace weft::cli
