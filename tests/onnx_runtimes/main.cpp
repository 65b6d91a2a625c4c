// weft_onnx_runtime_cases FOLDER [--predictions]: writes what other runtimes are to compute as weft does. A
// case is a folder with model.onnx, its inputs as NAME.npy, and what weft makes of them:
//   ops/OP/NUMBER           an op on a sample of its specification; outputs y0.npy, y1.npy, ...
//   predictions/NAME        the prediction of an example model, of a network of dense layers, or of loops;
//   y0.npy functions/NAME          the same in a model with a training step, which takes other inputs; y0.npy
//   steps/NAME              its training step; losses.npy, the losses of 20 steps. Runtimes draw numbers of
//   their
//                           own, so the random numbers of step i are inputs, in drawn/i
//   draws/NAME              random numbers, one sample of them in y0.npy
// A '/' in a name is "%2F" in the name of its file.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "weft/frontends/data/npy.h"
#include "weft/frontends/examples/models/models.h"
#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/specification.h"
#include "weft/graph/evaluate.h"
#include "weft/graph/program.h"
#include "weft/graph/text.h"
#include "weft/weft.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using std::string_view_literals::operator""sv;

constexpr int kSamples = 3;
constexpr int kSteps = 20;

std::string file_of(std::string_view name) {
  std::string file;
  for (const char c : name) file += c == '/' ? std::string("%2F") : std::string(1, c);
  return file + ".npy";
}

/// Runtimes have few kernels for f64.
Tensor as_f32(const Tensor& tensor) {
  if (tensor.dtype() != f64) return tensor;
  Tensor made =
      Tensor::uninitialized(f32, std::vector<std::int64_t>(tensor.sizes().begin(), tensor.sizes().end()));
  std::ranges::transform(tensor.values<double>(), made.mutable_values<float>().begin(),
                         [](double x) { return static_cast<float>(x); });
  return made;
}

/// Whether the files and the runtimes have tensors of these types.
bool is_for_runtimes(std::span<const TensorType> types) {
  return std::ranges::none_of(types, [](const TensorType& type) { return is_half(type.dtype); });
}

/// Writes the case of an op, unless it cannot be saved or a tensor is empty.
bool write_op(const verify::Sample& sample, const fs::path& folder) {
  Graph graph;
  std::vector<Value> inputs;
  std::vector<Tensor> feeds;
  for (const Tensor& tensor : sample.inputs) {
    feeds.push_back(as_f32(tensor));
    inputs.push_back(
        input(graph, fmt::format("x{}", inputs.size()), feeds.back().dtype(), Shape::of(tensor.sizes())));
    if (tensor.elements() == 0 || is_half(tensor.dtype())) return false;
  }
  try {
    const Op op = verify::with_floats_of(sample.op, f32);
    const NodeId node = graph.add(op, inputs, Where::current());
    if (!is_for_runtimes(graph.node(node).outputs)) return false;
    const onnx::ModelProto model = onnx::export_model({.inputs = inputs, .outputs = graph.outputs_of(node)});
    const std::vector<Tensor> outputs = evaluate(op, feeds);
    fs::create_directories(folder);
    onnx::save(folder / "model.onnx", {.inputs = inputs, .outputs = graph.outputs_of(node)});
    for (std::size_t i = 0; i < feeds.size(); ++i)
      data::write_npy(feeds[i], folder / fmt::format("x{}.npy", i));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      data::write_npy(outputs[i], folder / fmt::format("y{}.npy", i));
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::unsupported || error.code() == ErrorCode::dtype_mismatch) return false;
    throw;
  }
}

std::size_t write_ops(const fs::path& folder) {
  std::size_t ops = 0;
  static constexpr std::array kDrawn{"random_uniform"sv, "random_normal"sv};  // write_draws()
  for (const verify::Specification& specification : verify::builtin_specifications()) {
    if (std::ranges::find(kDrawn, specification.op) != kDrawn.end()) continue;
    int written = 0;
    for (std::size_t s = 0; specification.runs && s < specification.samplers.size(); ++s) {
      verify::SampleSource source(1, fmt::format("{} {}", specification.op, s));
      for (int i = 0; i < kSamples; ++i) {
        const fs::path to = folder / specification.op / fmt::format("{}", written);
        if (write_op(specification.samplers[s](source), to)) ++written;
      }
    }
    if (written > 0) ++ops;
  }
  return ops;
}

std::string label_of(const Value& value) {
  const Node& node = value.graph().node(value.node());
  if (const auto* input = node.op.as<Input>()) return input->label;
  return node.op.as<Parameter>()->label;
}

void write_feeds(std::span<const Value> inputs, std::span<const Tensor> tensors, const fs::path& folder) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    data::write_npy(tensors[i], folder / file_of(label_of(inputs[i])));
}

void write_prediction(const examples::Model& model, const fs::path& folder) {
  const FunctionSpec spec{.inputs = model.given, .outputs = {model.prediction}};
  Session session(*model.graph);
  const onnx::ModelProto saved = onnx::export_model(spec, {.session = &session});
  fs::create_directories(folder);
  onnx::save(folder / "model.onnx", spec, {.session = &session});
  write_feeds(model.given, model.samples, folder);
  data::write_npy(session.compile(spec)(model.samples)[0], folder / "y0.npy");
}

/// The prediction out of a file that has the training step too.
void write_functions(const examples::Model& model, const fs::path& folder) {
  const FunctionSpec spec{.inputs = model.given, .outputs = {model.prediction}};
  const FunctionSpec step{.inputs = model.inputs, .outputs = {model.loss}, .updates = model.updates};
  Session session(*model.graph);
  const Tensor expected = session.compile(spec)(model.samples)[0].clone();
  const onnx::ModelProto saved = onnx::export_model(step, {.session = &session});
  fs::create_directories(folder);
  onnx::save_model(folder / "model.onnx", session, {{"predict", spec}, {"train_step", step}});
  write_feeds(model.given, model.samples, folder);
  data::write_npy(expected, folder / "y0.npy");
}

// --- random numbers ---

bool is_random(const Node& node) { return node.op.is<RandomUniform>() || node.op.is<RandomNormal>(); }

/// The random numbers that a training step draws, in the graph's order.
std::vector<Value> drawn_values(const examples::Model& model) {
  std::vector<Value> roots = model.updates;
  roots.push_back(model.loss);
  std::vector<Value> drawn;
  for (const NodeId id : needed_nodes(*model.graph, roots))
    if (is_random(model.graph->node(id))) drawn.push_back(model.graph->outputs_of(id)[0]);
  return drawn;
}

/// Lets the model take its random numbers as inputs; their names, in its order.
std::vector<std::string> feed_drawn(onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const onnx::NodeProto& node : model.graph.node) {
    if (!node.op_type.starts_with("Random")) continue;
    names.push_back(node.output.at(0));
    onnx::ValueInfoProto& info = model.graph.input.emplace_back();
    info.name = names.back();
    info.type.kind = onnx::TypeProto::Kind::tensor;
    info.type.elem_type = onnx::DataType::f32;
  }
  std::erase_if(model.graph.node, [](const auto& node) { return node.op_type.starts_with("Random"); });
  return names;
}

/// Numbers of both distributions, of a size that is written in the file, and of one that a run tells.
void write_draws(const fs::path& folder) {
  const auto write = [&](std::string_view name, bool is_normal, const Shape& shape) {
    Graph graph;
    const Value x = input(graph, "x", f32, {"rows", 100});
    const Value y = is_normal ? random_normal(graph, f32, shape) : random_uniform(graph, f32, shape);
    const FunctionSpec spec{.inputs = {x}, .outputs = {sum(x) * 0.0 + y}};
    const Tensor rows = Tensor::zeros(f32, {200, 100});
    fs::create_directories(folder / name);
    onnx::save(folder / name / "model.onnx", spec);
    data::write_npy(rows, folder / name / "x.npy");
    Session session(graph);
    data::write_npy(session.compile(spec)({rows})[0], folder / name / "y0.npy");
  };
  write("normal", true, {200, 100});
  write("normal_like", true, {"rows", 100});
  write("uniform", false, {200, 100});
  write("uniform_like", false, {"rows", 100});
}

void write_step(const examples::Model& model, const fs::path& folder) {
  const FunctionSpec spec{.inputs = model.inputs, .outputs = {model.loss}, .updates = model.updates};
  Session session(*model.graph);
  onnx::ModelProto saved = onnx::export_model(spec, {.session = &session, .defaults = false});
  const std::vector<Value> drawn = drawn_values(model);
  const std::vector<std::string> drawn_names = feed_drawn(saved);
  if (drawn.size() != drawn_names.size())
    throw Error(ErrorCode::internal,
                fmt::format("{} of {} random numbers are saved", drawn_names.size(), drawn.size()));
  fs::create_directories(folder);
  onnx::write_model(folder / "model.onnx", saved);
  write_feeds(model.inputs, model.batch, folder);
  for (const onnx::ValueInfoProto& info : saved.graph.input) {
    const bool fed =
        std::ranges::any_of(model.inputs, [&](const Value& x) { return label_of(x) == info.name; });
    const bool is_drawn = std::ranges::find(drawn_names, info.name) != drawn_names.end();
    if (!fed && !is_drawn) data::write_npy(session.value(info.name), folder / file_of(info.name));
  }
  FunctionSpec watched = spec;
  watched.outputs.insert(watched.outputs.end(), drawn.begin(), drawn.end());
  const Function step = session.compile(watched);
  std::vector<double> losses;
  for (int i = 0; i < kSteps; ++i) {
    const Outputs made = step(model.batch);
    const fs::path drawn_folder = folder / "drawn" / fmt::format("{}", i);
    if (!drawn.empty()) fs::create_directories(drawn_folder);
    for (std::size_t d = 0; d < drawn.size(); ++d)
      data::write_npy(made[d + 1], drawn_folder / file_of(drawn_names[d]));
    losses.push_back(made[0].dtype() == f64 ? made[0].item<double>() : double{made[0].item<float>()});
  }
  data::write_npy(Tensor::of(losses), folder / "losses.npy");
}

/// Writes a case of a model, or says why it cannot be saved.
template <typename Write>
void try_write(std::string_view what, const Write& write) {
  try {
    write();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    constexpr std::size_t kShown = 120;
    std::cout << fmt::format("{}: {}\n", what, shortened(error.message(), kShown));
  }
}

/// Two dense layers.
examples::Model mlp() {
  examples::Model model;
  const Value x = input(*model.graph, "x", f32, {16, 20});
  const nn::Sequential network{nn::dense(*model.graph, "hidden", 32), relu,
                               nn::dense(*model.graph, "classes", 5)};
  model.prediction = softmax(network(x));
  model.given = {x};
  model.samples = {examples::draw_numbers({16, 20})};
  return model;
}

/// A scan of a length that only a run knows, from its end, with a loop and a branch in each step.
examples::Model loops() {
  examples::Model model;
  const Value rows = input(*model.graph, "rows", f32, {"steps", "width"});
  const auto halve = [](std::span<const Value> s) { return std::vector<Value>{s[0] * 0.5F}; };
  const auto is_large = [](std::span<const Value> s) { return sum(abs(s[0])) > 1.0F; };
  const ScanFunction step = [&](std::span<const Value> states, std::span<const Value> elements) {
    const WhileResult small = while_loop(is_large, halve, std::array{states[0] + elements[0]});
    const Value turned = cond(
        sum(elements[0]) > 0.0F, [&] { return std::vector<Value>{elements[0]}; },
        [&] { return std::vector<Value>{-small.states[0]}; })[0];
    return ScanStep{.states = {turned}, .outputs = {small.states[0] * cast(small.steps, f32)}};
  };
  const ScanResult made = scan(step, std::array{sum(rows, {0})}, std::array{rows}, {.reverse = true});
  const ScanFunction count = [](std::span<const Value> states, std::span<const Value>) {
    return ScanStep{.states = {states[0] * 1.5F}};
  };
  const ScanResult grown = scan(count, made.states, {}, {.length = rows.shape()[0] + 1});
  model.prediction = made.outputs[0] + grown.states[0];
  model.given = {rows};
  model.samples = {examples::draw_numbers({7, 5})};
  return model;
}

int write_all(const fs::path& folder, bool all) {
  write_prediction(mlp(), folder / "predictions" / "mlp");
  if (all) write_prediction(loops(), folder / "predictions" / "loops");
  if (all) std::cout << fmt::format("{} ops\n", write_ops(folder / "ops"));
  if (all) write_draws(folder / "draws");
  for (const examples::ModelEntry& entry : examples::models()) {
    const std::string name(entry.name);
    const examples::Model model = entry.make();
    if (model.prediction.has_value())
      try_write("prediction of " + name, [&] { write_prediction(model, folder / "predictions" / name); });
    if (all && model.prediction.has_value())
      try_write("functions of " + name, [&] { write_functions(model, folder / "functions" / name); });
    if (all) try_write("step of " + name, [&] { write_step(model, folder / "steps" / name); });
  }
  return 0;
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  try {
    return weft::write_all(argv[1], argc == 2);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
