#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/onnx/describe.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/graph/error.h"
#include "weft/graph/evaluate.h"
#include "weft/graph/philox.h"
#include "weft/graph/program.h"
#include "weft/graph/text.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kDefaultSize = 2;  // of a symbol that is not given
constexpr double kMostDifference = 1e-3;  // beside the largest number of an output

struct OnnxArgs {
  std::filesystem::path file;
  std::vector<std::string> dims;
};

/// "batch=4" as a symbol and its size.
onnx::Options import_options(const OnnxArgs& args) {
  onnx::Options options;
  for (const std::string& text : args.dims) {
    const std::size_t equals = text.find('=');
    std::int64_t size = 0;
    const char* const end = text.data() + text.size();
    const char* const number = text.data() + std::min(equals, text.size() - 1) + 1;
    const auto [stop, error] = std::from_chars(number, end, size);
    if (equals == std::string::npos || error != std::errc{} || stop != end || size < 0)
      throw Error(ErrorCode::invalid_argument, "--dim takes NAME=SIZE", {.actual = printable(text)});
    options.dims.insert_or_assign(text.substr(0, equals), Dim(size));
  }
  return options;
}

int show(const OnnxArgs& args) {
  const onnx::ModelProto model = onnx::read_model(args.file);
  fmt::print("{}", onnx::describe(model, args.file.parent_path(), import_options(args)));
  return kSuccess;
}

/// Random numbers for a type: floats around 0, and integers that are 0 or 1, which most tables have.
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

int check(const OnnxArgs& args) {
  Graph graph;
  const onnx::Imported imported = onnx::load(graph, args.file, import_options(args));
  FunctionSpec spec;
  Bindings bindings;
  for (const onnx::ImportedInput& input : imported.inputs) {
    spec.inputs.push_back(input.value);
    for (const Dim& size : input.value.shape()) {
      for (const std::string& symbol : size.symbols()) bindings[symbol] = kDefaultSize;
    }
  }
  for (const onnx::ImportedOutput& output : imported.outputs) {
    spec.outputs.insert(spec.outputs.end(), output.values.begin(), output.values.end());
  }
  PhiloxSequence random(1, 0);
  std::map<std::string, Tensor, std::less<>> feeds;
  std::vector<Tensor> tensors;
  for (const onnx::ImportedInput& input : imported.inputs) {
    const TensorType& type = input.value.type();
    tensors.push_back(random_numbers({type.dtype, type.shape.bind(bindings)}, random));
    feeds[input.name] = tensors.back();
  }
  Session session(graph);
  const Outputs made = session.compile(spec)(tensors);
  const std::vector<Tensor> expected =
      evaluate(extract(graph, spec.outputs, bindings), [&](const Node& node) {
        if (const auto* input = node.op.as<Input>()) return feeds.at(input->label);
        if (const auto* parameter = node.op.as<Parameter>()) return session.value(parameter->label);
        return Tensor();
      });
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, difference(expected[i], made[i]));
  fmt::print(
      "{} outputs; compiled and by the reference kernels they differ by {:.1e} of their largest numbers\n",
      expected.size(), worst);
  return worst <= kMostDifference ? kSuccess : kFailure;
}

}  // namespace

Registered add_onnx(CLI::App& weft) {
  CLI::App* const app = weft.add_subcommand("onnx", "shows and checks ONNX models");
  app->require_subcommand(1);
  const auto args = std::make_shared<OnnxArgs>();
  const auto add = [&](const char* name, const char* what) {
    CLI::App* const command = app->add_subcommand(name, what);
    command->add_option("FILE", args->file, "the model")->required()->option_text(" ");
    command->add_option("--dim", args->dims, "the size of a symbol of the model, as batch=4")
        ->option_text("NAME=SIZE");
    return command;
  };
  CLI::App* const shown = add("show", "says what a model holds, and what of it cannot be imported");
  add("check", "compares the compiled model with the reference kernels, for random inputs");
  return {.app = app, .run = [args, shown] { return shown->parsed() ? show(*args) : check(*args); }};
}

}  // namespace weft::cli
