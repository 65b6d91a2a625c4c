// `weft onnx profile`: where the time of a model goes.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/onnx_model.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"
#include "weft/runtime/machine/machine_peak.h"
#include "weft/runtime/machine/signals.h"
#include "weft/runtime/run/profile.h"

namespace weft::cli {
namespace {

struct OnnxProfileArgs {
  OnnxFile model;
  std::vector<std::string> inputs;
  ThreadOptions threads;
  Precision products = Precision::f32;
  std::int64_t steps = 100;
  std::optional<std::filesystem::path> trace;
};

constexpr std::int64_t kWarmUpCalls = 10;  // before those that are counted

int profile_onnx(const OnnxProfileArgs& args) {
  const onnx::ModelProto model = onnx::read_model(args.model.file);
  const OnnxFunction made = onnx_function(model, args.model, read_inputs(args.inputs, model));
  Session session(*made.graph,
                  {.threads = args.threads.threads,
                   .compile = {.cuts = args.threads.cuts, .products = args.products, .profile = true}});
  const Function function = session.compile(made.spec);
  Outputs outputs = function.outputs_for(made.feeds);
  {
    const SignalShield shield;
    for (std::int64_t i = 0; i < kWarmUpCalls + args.steps; ++i) function.run_into(made.feeds, outputs);
  }
  const Profile profile = function.profile(static_cast<std::size_t>(args.steps));
  std::vector<std::string> fed;
  for (std::size_t i = 0; i < made.feeds.size(); ++i)
    fed.push_back(
        fmt::format("{} {}", printable(made.imported.inputs[i].name), to_string(made.feeds[i].type())));
  fmt::print("{}: {}{}, {} thread{}\n\n{}", printable(args.model.file.string()), fmt::join(fed, ", "),
             made.drawn.empty() ? "" : ", random", profile.threads, profile.threads == 1 ? "" : "s",
             to_text(profile, measure_peak(profile.threads)));
  if (args.trace) {
    write_text_file(*args.trace, to_chrome_trace(profile));
    fmt::print(stderr, "wrote {}; ui.perfetto.dev opens it\n", printable(args.trace->string()));
  }
  return kSuccess;
}

}  // namespace

Registered add_onnx_profile(CLI::App& onnx) {
  auto args = std::make_shared<OnnxProfileArgs>();
  CLI::App* const app = onnx.add_subcommand(
      "profile", "Measures where a model's time goes, kernel by kernel; inputs without arrays are random");
  add_onnx_file(*app, args->model);
  add_onnx_inputs(*app, args->inputs);
  constexpr std::int64_t kMostSteps = 1'000'000;
  app->add_option("--steps", args->steps, "Calls to measure; the latest of them, 256 at most, are summed up")
      ->check(whole_within(1, kMostSteps));
  app->add_option("--trace", args->trace, "Also writes the last ten calls for ui.perfetto.dev")
      ->type_name("FILE");
  add_thread_options(*app, args->threads);
  add_precision_option(*app, args->products);
  return {.app = app, .run = [args] { return profile_onnx(*args); }};
}

}  // namespace weft::cli
