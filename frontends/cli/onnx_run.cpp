// `weft onnx run`: a model on arrays from files, and its outputs as files.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "weft/frontends/cli/arrays.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/onnx_model.h"
#include "weft/frontends/data/npy.h"
#include "weft/frontends/data/npz.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/report/file_name.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::cli {
namespace {

struct OnnxRunArgs {
  OnnxFile model;
  std::vector<std::string> inputs;
  std::optional<std::filesystem::path> output;
  ThreadOptions threads;
  Precision products = Precision::f32;
};

/// Writes an archive, or a file for each output into a folder. Returns where each output is.
std::vector<std::string> write_outputs(const std::filesystem::path& to, const std::vector<std::string>& names,
                                       const Outputs& made) {
  std::vector<std::string> places;
  if (to.extension() == ".npz") {
    data::NamedArrays arrays;
    for (std::size_t i = 0; i < names.size(); ++i) {
      arrays.insert_or_assign(names[i], made[i]);
      places.push_back(fmt::format("{}:{}", to.string(), names[i]));
    }
    data::write_npz(arrays, to);
    return places;
  }
  std::error_code error;
  std::filesystem::create_directories(to, error);
  if (error)
    throw Error(ErrorCode::io, fmt::format("{}: cannot make the folder: {}", to.string(), error.message()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::filesystem::path file = to / (report::file_name_from(names[i]) + ".npy");
    data::write_npy(made[i], file);
    places.push_back(file.string());
  }
  return places;
}

int run_onnx(const OnnxRunArgs& args) {
  const onnx::ModelProto model = onnx::read_model(args.model.file);
  const Arrays given = read_inputs(args.inputs, model);
  expect_all_inputs(model, given, "--input");
  const OnnxFunction function = onnx_function(model, args.model, given);
  Session session(*function.graph, {.threads = args.threads.threads,
                                    .compile = {.cuts = args.threads.cuts, .products = args.products}});
  const Outputs made = session.compile(function.spec)(function.feeds);
  std::vector<std::string> places;
  if (args.output) places = write_outputs(*args.output, function.outputs, made);
  for (const std::string& name : function.fixed)
    fmt::print("'{}' is a constant: the model cannot be imported without its numbers\n", printable(name));
  for (std::size_t i = 0; i < made.size(); ++i) {
    fmt::print("{}  {}{}\n", printable(function.outputs[i]), summary(made[i]),
               places.empty() ? "" : "  -> " + printable(places[i]));
  }
  return kSuccess;
}

}  // namespace

Registered add_onnx_run(CLI::App& onnx) {
  auto args = std::make_shared<OnnxRunArgs>();
  CLI::App* const app = onnx.add_subcommand("run", "Runs a model on arrays from files");
  add_onnx_file(*app, args->model);
  add_onnx_inputs(*app, args->inputs);
  app->add_option(
         "--output", args->output,
         "Where the outputs are written: an archive FILE.npz, or a folder, which gets a .npy for each")
      ->type_name("PATH");
  add_thread_options(*app, args->threads);
  add_precision_option(*app, args->products);
  app->footer(
      "Arrays of other dtypes than the inputs' are converted: floats are rounded, integers must fit. Prints "
      "each\n"
      "output's name, type, and mean and range, or its numbers if they are few.");
  return {.app = app, .run = [args] { return run_onnx(*args); }};
}

}  // namespace weft::cli
