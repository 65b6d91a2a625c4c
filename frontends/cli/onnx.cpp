#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/job.h"
#include "weft/frontends/cli/onnx_gradients.h"
#include "weft/frontends/cli/onnx_model.h"
#include "weft/frontends/onnx/describe.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/graph/error.h"
#include "weft/graph/evaluate.h"
#include "weft/graph/program.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::cli {
namespace {

constexpr double kMostDifference = 1e-3;  // beside the largest number of an output
constexpr double kMostGradientError = 1e-4;

struct OnnxCheckArgs {
  OnnxFile model;
  std::vector<std::string> inputs;
};

int show(const OnnxFile& args) {
  const onnx::ModelProto model = onnx::read_model(args.file);
  fmt::print("{}", onnx::describe(model, args.file.parent_path(), import_options(args)));
  return kSuccess;
}

/// The largest difference between two tensors of one type, beside the largest number of the first.
double difference(const Tensor& a, const Tensor& b) {
  double largest = 0.0;
  double furthest = 0.0;
  visit_dtype(a.dtype(), [&]<typename T>(T) {
    for (std::size_t i = 0; i < a.values<T>().size(); ++i) {
      const auto x = static_cast<double>(a.values<T>()[i]);
      const auto y = static_cast<double>(b.values<T>()[i]);
      if (std::isnan(x) && std::isnan(y)) continue;
      largest = std::max(largest, std::abs(x));
      furthest = std::max(furthest, x == y ? 0.0 : std::isfinite(x - y) ? std::abs(x - y) : HUGE_VAL);
    }
  });
  return furthest == 0.0 ? 0.0 : furthest / std::max(largest, 1e-30);
}

int check(const OnnxCheckArgs& args) {
  const onnx::ModelProto model = onnx::read_model(args.model.file);
  const OnnxFunction function = onnx_function(model, args.model, read_inputs(args.inputs, model));
  std::map<std::string, Tensor, std::less<>> feeds;
  Bindings bindings;
  for (std::size_t i = 0; i < function.feeds.size(); ++i) {
    const Value& input = function.spec.inputs[i];
    feeds[function.imported.inputs[i].name] = function.feeds[i];
    for (std::size_t axis = 0; axis < input.shape().rank(); ++axis) {
      if (input.shape()[axis].is_symbol())
        bindings[input.shape()[axis].symbol()] = function.feeds[i].sizes()[axis];
    }
  }
  Session session(*function.graph);
  const Outputs made = session.compile(function.spec)(function.feeds);
  const Program program = extract(*function.graph, function.spec.outputs, bindings);
  const std::vector<Tensor> expected = evaluate(program, [&](const Node& node) {
    if (const auto* parameter = node.op.as<Parameter>())
      feeds[parameter->label] = session.value(parameter->label);
    const auto found = feeds.find(node.op.unique_label());
    return found != feeds.end() ? found->second : Tensor();
  });
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, difference(expected[i], made[i]));
  fmt::print(
      "{} outputs; compiled and by the reference kernels they differ by {:.1e} of their largest numbers\n",
      expected.size(), worst);
  const GradientFinding gradients = compare_gradients(program, feeds);
  if (gradients.why_not.empty()) {
    fmt::print("gradients and central differences in f64 differ by {:.1e}\n", gradients.error);
  } else {
    fmt::print("gradients were not compared: {}\n", gradients.why_not);
  }
  return worst <= kMostDifference && gradients.error <= kMostGradientError ? kSuccess : kFailure;
}

}  // namespace

Registered add_onnx(CLI::App& weft) {
  CLI::App* const app = weft.add_subcommand("onnx", "Shows, runs, trains, profiles and checks ONNX models");
  app->require_subcommand(1);
  const auto file = std::make_shared<OnnxFile>();
  const auto checked = std::make_shared<OnnxCheckArgs>();
  CLI::App* const shown =
      app->add_subcommand("show", "Says what a model holds, and what of it cannot be imported");
  add_onnx_file(*shown, *file);
  const std::array others{add_onnx_run(*app), add_onnx_train(*app), add_onnx_profile(*app)};
  CLI::App* const check_app = app->add_subcommand("check",
                                                  "Compares the compiled model with the reference kernels, "
                                                  "and its gradients with differences; inputs without "
                                                  "arrays are random");
  add_onnx_file(*check_app, checked->model);
  add_onnx_inputs(*check_app, checked->inputs);
  const std::array all{Registered{.app = shown, .run = [file] { return show(*file); }},
                       Registered{.app = check_app, .run = [checked] { return check(*checked); }}, others[0],
                       others[1], others[2]};
  return {.app = app,
          .run =
              [all] {
                const auto chosen =
                    std::ranges::find_if(all, [](const Registered& one) { return one.app->parsed(); });
                return run_command(*chosen);
              },
          .by_ranks = true};
}

}  // namespace weft::cli
