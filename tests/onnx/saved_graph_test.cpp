// Graphs that are saved and loaded: the same nodes, and the operators where somebody changed the model.

#include "weft/frontends/onnx/saved_graph.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/verify/random_program.h"
#include "weft/frontends/verify/specification.h"
#include "weft/tests/onnx/round_trip.h"
#include "weft/tests/support/expect_error.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

using testing::SizeIs;
using testing_support::comes_back;
using testing_support::from_file;

TEST(OnnxSavedGraph, HasEveryOpThatCanBeSaved) {
  constexpr std::size_t kLeast = 151;
  std::set<std::string> saved{"input", "parameter"};
  for (const verify::Specification& specification : verify::builtin_specifications()) {
    for (std::size_t s = 0; specification.runs && s < specification.samplers.size(); ++s) {
      verify::SampleSource source(3, fmt::format("{} {}", specification.op, s));
      const verify::Sample sample = specification.samplers[s](source);
      SCOPED_TRACE(to_string(sample.op));
      Graph graph;
      FunctionSpec spec;
      for (const Tensor& tensor : sample.inputs) {
        spec.inputs.push_back(
            input(graph, fmt::format("x{}", spec.inputs.size()), tensor.dtype(), Shape::of(tensor.sizes())));
      }
      if (specification.op == CustomGradient::name || specification.op == Assign::name) continue;
      std::vector<Value> operands = spec.inputs;
      if (specification.op.starts_with("random_"))
        operands[0] = graph.value({graph.add(RandomKey{}, {}, Where::current()), 0});
      spec.outputs = graph.outputs_of(graph.add(sample.op, operands, Where::current(), "made"));
      if (comes_back(spec)) saved.emplace(specification.op);
    }
  }
  EXPECT_GE(saved.size(), kLeast);
}

TEST(OnnxSavedGraph, OfRandomProgramsIsTheSameNodeForNode) {
  constexpr int kPrograms = 1000;
  constexpr int kLeast = 300;
  int saved = 0;
  for (int number = 0; number < kPrograms; ++number) {
    SCOPED_TRACE(fmt::format("program {}", number));
    verify::SampleSource source(11, fmt::format("saved {}", number));
    const verify::RandomProgram random =
        verify::random_program(source, 6, f64, {.special = number % 2 == 1, .updates = number % 3 == 1});
    Graph& graph = *random.program.graph;
    const std::span<const Value> roots = random.program.roots;
    FunctionSpec spec;
    spec.outputs.assign(roots.begin(), roots.begin() + static_cast<std::ptrdiff_t>(random.outputs));
    spec.updates.assign(roots.begin() + static_cast<std::ptrdiff_t>(random.outputs), roots.end());
    const std::size_t nodes = graph.size();  // each initial value adds a node
    bool has_code = false;                   // which no file can tell
    for (NodeId id = 0; id < nodes; ++id) {
      const Value value = graph.value({id, 0});
      has_code = has_code || graph.node(id).op.is<CustomGradient>();
      if (graph.node(id).op.is<Input>()) spec.inputs.push_back(value);
      if (const auto* parameter = graph.node(id).op.as<Parameter>())
        graph.declare_state(parameter->label, value, constant(graph, random.feeds.at(parameter->label)));
    }
    saved += !has_code && comes_back(spec) ? 1 : 0;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(saved, kLeast);
}

/// A network with a dropout, and a step that trains it.
struct Trained {
  Graph graph;
  Value x = input(graph, "x", f32, {"batch", 4});
  Value labels = input(graph, "labels", i64, {"batch"});
  nn::Sequential network{nn::dense(graph, "dense1", 8), [](const Value& h) { return gelu(h); },
                         [](const Value& h) { return dropout(h, 0.5); }, nn::dense(graph, "dense2", 3)};
  Value scores = network(x).named("scores");
  Value loss = mean(softmax_cross_entropy(scores, labels));
  FunctionSpec predict{.inputs = {x}, .outputs = {scores}};
  FunctionSpec step{
      .inputs = {x, labels},
      .outputs = {loss},
      .updates = optim::adam(network.parameters(), gradients(loss, network.parameters()), 0.01)};
};

Tensor rows() { return Tensor::of({1.0F, 2.0F, 3.0F, 4.0F, 0.5F, 0.25F, -1.0F, -2.0F}, {2, 4}); }

std::vector<float> numbers_of(Graph& graph, const FunctionSpec& spec, std::uint64_t seed) {
  Session session(graph, {.seed = seed});
  const auto values = session.compile(spec)({rows()})[0].clone();
  return {values.values<float>().begin(), values.values<float>().end()};
}

TEST(OnnxSavedGraph, OfAStepIsTheStep) {
  Trained trained;
  EXPECT_TRUE(comes_back(trained.step));
  Graph graph;
  const ModelProto model = export_model(trained.step);
  const Imported imported = import_model(graph, model, {});
  EXPECT_TRUE(imported.is_as_saved);
  EXPECT_THAT(imported.updates, SizeIs(0));  // nothing is trained
  EXPECT_EQ(imported.outputs.size(), model.graph.output.size());
}

TEST(OnnxSavedGraph, DrawsTheSameNumbers) {
  constexpr std::uint64_t kSeed = 77;
  Trained trained;
  Session session(trained.graph, {.seed = kSeed});
  const ModelProto model = export_model(trained.predict, {.session = &session});
  const auto drawn = numbers_of(trained.graph, trained.predict, kSeed);
  Graph graph;
  const Imported imported = import_model(graph, model, {});
  ASSERT_EQ(imported.seed, kSeed);
  const FunctionSpec spec{.inputs = {imported.input("x")}, .outputs = {imported.output("scores")}};
  EXPECT_EQ(numbers_of(graph, spec, kSeed), drawn);
  const std::int64_t next = graph.next_stream();
  EXPECT_GT(next, 0);  // what is built later draws other numbers
  // A second copy in the same graph draws other numbers than the first.
  const Imported second = import_model(graph, model, {}, {.scope = "second"});
  EXPECT_TRUE(second.is_as_saved);
  const FunctionSpec other{.inputs = {second.input("x")}, .outputs = {second.output("scores")}};
  EXPECT_NE(numbers_of(graph, other, kSeed), drawn);
}

TEST(OnnxSavedGraph, KeepsLinesNamesAndFormulas) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"b", "t", 2});
  const Value flat = reshape(x, {-1, 2}).named("flat");
  const Value half = slice(flat, 0, 0, floor_div(flat.shape()[0] + 1, 2));
  EXPECT_TRUE(comes_back({.inputs = {x}, .outputs = {half, flat}}));
  Graph loaded;
  const Imported imported = import_model(loaded, export_model({.inputs = {x}, .outputs = {flat}}), {});
  const Value made = imported.outputs[0].values[0];
  EXPECT_EQ(made.name(), "flat");
  EXPECT_EQ(to_string(loaded.node(made.node()).where), to_string(graph.node(flat.node()).where));
}

TEST(OnnxSavedGraph, HasTheScopeAndTheParametersOfTheOptions) {
  Trained trained;
  const ModelProto model = export_model(trained.predict);
  Graph graph;
  const Imported imported =
      import_model(graph, model, {}, {.parameters = {.exclude = {"*bias"}}, .scope = "net"});
  EXPECT_TRUE(imported.is_as_saved);
  EXPECT_THAT(imported.parameters, SizeIs(2));
  EXPECT_TRUE(graph.states().contains("net/dense1/weight"));
  EXPECT_EQ(imported.output("scores").name(), "net/scores");
}

// --- models that were changed ---

/// The model of a relu and a product, after a change; whether it still is the graph that was saved.
bool is_as_saved(const std::function<void(ModelProto&)>& change, float* first = nullptr) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 2});
  const Value w = parameter(graph, "w", Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {2, 2}));
  ModelProto model = export_model(
      {.inputs = {x}, .outputs = {relu(matmul(x, w)) * constant(graph, Tensor::of({5.0F, 6.0F}))}});
  change(model);
  Graph loaded;
  const Imported imported = import_model(loaded, from_file(model), {});
  Session session(loaded);
  const auto made =
      session.compile({.inputs = {imported.input("x")}, .outputs = {imported.outputs[0].values[0]}})(
          {Tensor::of({1.0F, 0.0F, 0.0F, 1.0F}, {2, 2})});
  if (first != nullptr) *first = made[0].values<float>()[0];
  return imported.is_as_saved;
}

/// The initializer whose name begins so.
TensorProto& stored(ModelProto& model, std::string_view name) {
  for (TensorProto& tensor : model.graph.initializer) {
    if (tensor.name.starts_with(name)) return tensor;
  }
  throw Error(ErrorCode::internal, "there is no such initializer");
}
void store(TensorProto& tensor, const std::vector<float>& numbers) {
  const auto kept = std::make_shared<const std::vector<float>>(numbers);
  tensor.raw_data = SharedBytes{std::as_bytes(std::span(*kept)), kept};
}

TEST(OnnxSavedGraph, MayHaveOtherNumbersInItsParameters) {
  float first = 0.0F;
  EXPECT_TRUE(is_as_saved([](ModelProto&) {}, &first));
  EXPECT_EQ(first, 5.0F);
  EXPECT_TRUE(is_as_saved([](ModelProto& model) { store(stored(model, "w"), {10, 2, 3, 4}); }, &first));
  EXPECT_EQ(first, 50.0F);
  EXPECT_TRUE(is_as_saved([](ModelProto& model) {
    model.doc_string = "a comment";
    model.graph.node[0].doc_string = "another";
    model.graph.value_info.push_back(model.graph.output[0]);
  }));
}

TEST(OnnxSavedGraph, GivesWayToOperatorsThatWereChanged) {
  float first = 0.0F;
  EXPECT_FALSE(is_as_saved([](ModelProto& model) { model.graph.node[1].op_type = "Neg"; }, &first));
  EXPECT_EQ(first, -5.0F);
  EXPECT_FALSE(is_as_saved([](ModelProto& model) { store(stored(model, "constant"), {7, 7}); }, &first));
  EXPECT_EQ(first, 7.0F);
}

/// The text of the saved graph, with `from` replaced by `to`.
void edit(ModelProto& model, std::string_view from, std::string_view to) {
  for (StringStringEntry& entry : model.metadata_props) {
    if (entry.key != kGraphKey) continue;
    const std::size_t at = entry.value.find(from);
    ASSERT_NE(at, std::string::npos) << entry.value;
    entry.value.replace(at, from.size(), to);
  }
}

TEST(OnnxSavedGraph, GivesWayWhereItsTextIsWrong) {
  const std::vector<std::pair<std::string_view, std::string_view>> edits{
      {"{\"version\"", "\"version\""},           // no JSON
      {"\"version\":1", "\"version\":2"},        //
      {"\"op\":\"relu\"", "\"op\":\"rely\""},    // unknown
      {"\"op\":\"relu\"", "\"op\":7"},           //
      {"\"transpose_a\":false", "\"other\":1"},  // without an attribute
      {"\"transpose_a\":false", "\"transpose_a\":\"no\""},
      {"\"of\":[0,1]", "\"of\":[0,9]"},  // reads what comes later
      {"\"of\":[0,1]", "\"of\":[0]"},    // too few
      {"\"of\":[0,1]", "\"of\":[0,-1]"},
      {"\"from\":\"w\"", "\"from\":\"v\""},
      {"\"shape\":[2,2]", "\"shape\":[3,3]"},
      {"\"shape\":[2,2]", "\"shape\":[\"((\"]"},
      {"\"outputs\":{\"output\":5}", "\"outputs\":{}"},
      {"\"outputs\":{\"output\":5}", "\"outputs\":{\"output\":[5,1]}"},
  };
  for (const auto& [from, to] : edits) {
    SCOPED_TRACE(fmt::format("{} for {}", to, from));
    float first = 0.0F;
    EXPECT_FALSE(is_as_saved([&](ModelProto& model) { edit(model, from, to); }, &first));
    EXPECT_EQ(first, 5.0F);
  }
}

TEST(OnnxSavedGraph, IsNotAskedWhereOptionsSaySomethingElse) {
  Trained trained;
  const ModelProto model = export_model(trained.predict);
  Graph graph;
  EXPECT_FALSE(import_model(graph, model, {}, {.as_saved = false}).is_as_saved);
  Graph bound;
  const Imported imported = import_model(bound, model, {}, {.dims = {{"batch", 2}}});
  EXPECT_FALSE(imported.is_as_saved);
  EXPECT_EQ(to_string(imported.output("scores").shape()), "[2, 3]");
}

TEST(OnnxSavedGraph, TakesValuesThatAreGivenForItsInputs) {
  Trained trained;
  const ModelProto model = export_model(trained.predict);
  for (const Dim& rows : {Dim("batch"), Dim("rows")}) {
    SCOPED_TRACE(to_string(rows));
    Graph graph;
    const Value bytes = input(graph, "bytes", u8, {rows, 4});
    const Value x = cast(bytes, f32) * 0.5F;
    const Imported imported = import_model(graph, model, {}, {.given = {{"x", x}}});
    EXPECT_EQ(imported.is_as_saved, rows == Dim("batch"));  // else its nodes have other types
    EXPECT_THAT(imported.inputs, SizeIs(0));
    EXPECT_EQ(to_string(imported.output("scores").type()), fmt::format("f32[{}, 3]", to_string(rows)));
    Session session(graph);
    EXPECT_EQ(session
                  .compile({.inputs = {bytes}, .outputs = {imported.output("scores")}})(
                      {Tensor::of<std::uint8_t>({2, 4, 6, 8}, {1, 4})})[0]
                  .sizes()[0],
              1);
  }
}

TEST(OnnxSavedGraph, RefusesWhatCannotBeGiven) {
  Trained trained;
  const ModelProto model = export_model(trained.predict);
  Graph graph;
  const auto refuse = [&](const std::string& name, const Value& value, ErrorCode code,
                          std::initializer_list<std::string_view> why) {
    testing_support::expect_error(code, why,
                                  [&] { import_model(graph, model, {}, {.given = {{name, value}}}); });
  };
  refuse("y", input(graph, "x", f32, {2, 4}), ErrorCode::invalid_argument, {"no input 'y'"});
  refuse("x", trained.x, ErrorCode::invalid_argument, {"'x'", "no value of the graph"});
  refuse("x", input(graph, "a", f64, {2, 4}), ErrorCode::dtype_mismatch, {"'x'", "f32", "f64[2, 4]"});
  refuse("x", input(graph, "b", f32, {4}), ErrorCode::shape_mismatch, {"'x'", "rank 2", "f32[4]"});
  refuse("x", input(graph, "c", f32, {2, 5}), ErrorCode::shape_mismatch, {"'x'", "4 on axis 1", "f32[2, 5]"});
}

}  // namespace
}  // namespace weft::onnx
