// Loops and branches that are saved and loaded: node for node, and as operators of ONNX.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/tests/onnx/round_trip.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

using testing::HasSubstr;
using testing_support::comes_back;
using testing_support::expect_error;
using testing_support::from_file;
using testing_support::text_of;

/// Random loops and branches, in each other, of values f64 [3].
class LoopProgram {
 public:
  LoopProgram(verify::SampleSource& source, bool draws) : source_(source), draws_(draws) {
    const Value x = input(graph_, "x", f64, {3});
    const Value rows = input(graph_, "rows", f64, {"steps", 3});
    rows_ = rows;
    pool_ = {x, parameter(graph_, "w", Tensor::of({0.5, -0.25, 0.125}))};
    add_loop(2);
    for (int i = 0; i < 3; ++i) source_.coin() ? add_loop(2) : add_node();
    spec_ = {.inputs = {x, rows}, .outputs = {pool_.back(), any()}};
    if (source_.coin()) spec_.updates = {assign(pool_[1], tanh(any()))};
    // The gradient of a loop may draw the same numbers again, which no operator does.
    if (!draws_) spec_.outputs.push_back(gradients(sum(pool_.back()), {pool_[1]}, Unconnected::zeros)[0]);
  }

  const FunctionSpec& spec() const { return spec_; }
  Graph& graph() { return graph_; }

 private:
  Value any() { return pool_[static_cast<std::size_t>(source_.below(std::ssize(pool_)))]; }

  void add_node() {
    const Value a = any();
    const Value b = any();
    switch (source_.below(draws_ ? 8 : 7)) {
      case 0:
        return pool_.push_back(tanh(a + b));
      case 1:
        return pool_.push_back((a * b).named("product"));
      case 2:
        return pool_.push_back(where(a > b, sin(a), b));
      case 3:
        return pool_.push_back(a * constant(graph_, Tensor::of({0.5, 1.0, source_.number(-1.0, 1.0)})));
      case 4: {  // more numbers than small constants have
        std::vector<double> numbers(90);
        for (double& number : numbers) number = source_.number(-0.1, 0.1);
        return pool_.push_back(a + sum(constant(graph_, Tensor::of(numbers, {30, 3})), {0}));
      }
      case 5:
        return pool_.push_back(cumsum(a) * 0.25);
      case 6:
        return pool_.push_back(softmax(a));
      default:
        return pool_.push_back(a + random_uniform(graph_, f64, {3}));
    }
  }

  /// What a body returns, which sees the values around it.
  std::vector<Value> body(std::span<const Value> given, int depth, std::size_t results) {
    const std::vector<Value> around = pool_;
    pool_.insert(pool_.end(), given.begin(), given.end());
    add_node();
    if (depth > 0 && source_.below(3) == 0) add_loop(depth - 1);
    std::vector<Value> made;
    for (std::size_t i = 0; i < results; ++i) made.push_back(source_.below(4) == 0 ? any() : tanh(any()));
    pool_ = around;
    return made;
  }

  void add_loop(int depth) {
    const std::size_t states = static_cast<std::size_t>(source_.below(3));
    std::vector<Value> first;
    for (std::size_t i = 0; i < states; ++i) first.push_back(any());
    switch (source_.below(3)) {
      case 0:
        return add_scan(first, depth);
      case 1:
        first.push_back(any());
        return add_while(first, depth);
      default: {
        const auto branch = [&] { return body({}, depth, states + 1); };
        const std::vector<Value> made = cond(sum(any()) > 0.25, branch, branch);
        pool_.insert(pool_.end(), made.begin(), made.end());
      }
    }
  }

  void add_scan(const std::vector<Value>& first, int depth) {
    std::vector<Value> sequences;
    if (source_.coin()) sequences.push_back(source_.coin() ? rows_ : stack({any(), any()}, 0));
    ScanOptions options{.reverse = source_.coin(), .checkpoint = source_.below(2)};
    if (sequences.empty()) options.length = source_.coin() ? Dim(1 + source_.below(3)) : Dim("steps");
    const std::size_t stacked = first.empty() ? 1 : static_cast<std::size_t>(source_.below(2));
    if (sequences.empty() && first.empty()) return add_node();
    const ScanFunction step = [&](std::span<const Value> states, std::span<const Value> elements) {
      std::vector<Value> given(states.begin(), states.end());
      given.insert(given.end(), elements.begin(), elements.end());
      std::vector<Value> made = body(given, depth, states.size() + stacked);
      const auto end = made.begin() + std::ssize(states);
      return ScanStep{.states = {made.begin(), end}, .outputs = {end, made.end()}};
    };
    const ScanResult made = scan(step, first, sequences, options);
    pool_.insert(pool_.end(), made.states.begin(), made.states.end());
    for (const Value& output : made.outputs) pool_.push_back(tanh(sum(output, {0})));
  }

  void add_while(const std::vector<Value>& first, int depth) {
    const double limit = source_.number(-2.0, 2.0);
    const auto holds = [&](std::span<const Value> states) { return sum(states[0]) < limit; };
    const BodyFunction step = [&](std::span<const Value> states) {
      return body(states, depth, states.size());
    };
    const WhileResult made = while_loop(holds, step, first, {.max_steps = source_.below(4)});
    pool_.insert(pool_.end(), made.states.begin(), made.states.end());
    pool_.push_back(tanh(pool_.back() + stop_gradient(cast(made.steps, f64))));
  }

  verify::SampleSource& source_;
  bool draws_;
  Graph graph_;
  Value rows_;
  std::vector<Value> pool_;
  FunctionSpec spec_;
};

TEST(OnnxLoops, OfRandomProgramsComeBackNodeForNode) {
  constexpr int kPrograms = 1000;
  int loops = 0;
  for (int number = 0; number < kPrograms; ++number) {
    SCOPED_TRACE(fmt::format("program {}", number));
    verify::SampleSource source(5, fmt::format("loops {}", number));
    LoopProgram program(source, number % 2 == 0);
    ASSERT_TRUE(comes_back(program.spec()));
    if (HasFailure()) return;
    bool found = false;
    for (NodeId id = 0; id < program.graph().size(); ++id)
      found = found || !program.graph().node(id).op.bodies().empty();
    loops += found ? 1 : 0;
  }
  EXPECT_GE(loops, 900);
}

/// The outputs for some feeds, the loop's length among them.
std::vector<Tensor> results_of(Graph& graph, const FunctionSpec& spec) {
  Session session(graph);
  const Tensor x = Tensor::of({0.3, -0.7, 0.9});
  const Tensor rows = Tensor::of({0.1, 0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0.8, -0.9, 0.0, -0.2, 0.4}, {4, 3});
  const Outputs made = session.compile({.inputs = spec.inputs, .outputs = spec.outputs})({x, rows});
  return {made.begin(), made.end()};
}

TEST(OnnxLoops, OfRandomProgramsGiveTheSameNumbersAsOperators) {
  constexpr int kPrograms = 200;
  for (int number = 0; number < kPrograms; ++number) {
    SCOPED_TRACE(fmt::format("program {}", number));
    verify::SampleSource source(6, fmt::format("loops {}", number));
    LoopProgram program(source, false);
    const bool unroll = source.coin();
    const ModelProto model = export_model(program.spec(), {.unroll = unroll});
    Graph loaded;
    const Imported imported = import_model(loaded, from_file(model), {}, {.as_saved = false});
    FunctionSpec spec{.inputs = {imported.input("x"), imported.input("rows")}, .outputs = {}};
    for (std::size_t i = 0; i < program.spec().outputs.size(); ++i)
      spec.outputs.push_back(imported.outputs.at(i).values.at(0));
    const std::vector<Tensor> made = results_of(loaded, spec);
    const std::vector<Tensor> expected = results_of(program.graph(), program.spec());
    for (std::size_t i = 0; i < made.size(); ++i) {
      for (std::size_t k = 0; k < 3; ++k) {
        const double one = made[i].values<double>()[k];
        const double other = expected[i].values<double>()[k];
        ASSERT_NEAR(one, other, 1e-9 * std::max(1.0, std::abs(other))) << i << ", " << k;
      }
    }
  }
}

std::size_t operators_called(const ModelProto& model, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count(model.graph.node, name, &NodeProto::op_type));
}

TEST(OnnxLoops, AreStandardOperators) {
  Graph graph;
  const Value x = input(graph, "x", f32, {3});
  const Value rows = input(graph, "rows", f32, {"steps", 3});
  const auto step = [](std::span<const Value> states, std::span<const Value> elements) {
    return ScanStep{.states = {tanh(states[0] + elements[0])}, .outputs = {states[0]}};
  };
  const ScanResult walked = scan(step, std::array{x}, std::array{rows}, {.reverse = true});
  const WhileResult doubled =
      while_loop([](std::span<const Value> s) { return sum(s[0]) < 100.0F; },
                 [](std::span<const Value> s) { return std::vector<Value>{s[0] * 2.0F}; }, std::array{x});
  const Value chosen =
      cond(sum(x) > 0.0F, [&] { return std::vector<Value>{x}; }, [&] { return std::vector<Value>{-x}; })[0];
  const FunctionSpec spec{
      .inputs = {x, rows},
      .outputs = {walked.states[0], walked.outputs[0], doubled.states[0], doubled.steps, chosen}};
  EXPECT_TRUE(comes_back(spec));
  const ModelProto model = export_model(spec);
  EXPECT_EQ(operators_called(model, "Scan"), 1U);
  EXPECT_EQ(operators_called(model, "Loop"), 1U);
  EXPECT_EQ(operators_called(model, "If"), 1U);
  // A branch that returns what is around it has an operator for it, which some runtimes ask for.
  for (const NodeProto& node : model.graph.node) {
    if (node.op_type != "If") continue;
    for (const AttributeProto& branch : node.attribute) EXPECT_EQ(branch.g->node.size(), 1U) << branch.name;
  }
}

TEST(OnnxLoops, AreStepsWhereTheOptionsSaySo) {
  Graph graph;
  const Value rows = input(graph, "rows", f32, {4, 3});
  const Value made =
      map([](std::span<const Value> row) { return std::vector<Value>{tanh(row[0])}; }, std::array{rows})[0];
  const FunctionSpec spec{.inputs = {rows}, .outputs = {made}};
  EXPECT_EQ(operators_called(export_model(spec), "Scan"), 1U);
  const ModelProto steps = export_model(spec, {.unroll = true});
  EXPECT_EQ(operators_called(steps, "Scan"), 0U);
  EXPECT_EQ(operators_called(steps, "Tanh"), 4U);
}

/// An op of a user's own, y = x + 1.
struct AddOne {
  static constexpr std::string_view name = "add_one";
  static constexpr NoGradient gradient{"it is a test"};
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs&) const {}
};

TEST(OnnxLoops, NameWhatABodyCannotSay) {
  Graph graph;
  const Value rows = input(graph, "rows", f32, {4, 3});
  const auto of_row = [](std::span<const Value> row) {
    return std::vector<Value>{apply(AddOne{}, row[0]).named("one_more")};
  };
  const FunctionSpec spec{.inputs = {rows}, .outputs = {map(of_row, std::array{rows})[0]}};
  expect_error(ErrorCode::unsupported,
               {"add_one 'one_more'", "loops_test.cpp", "ONNX has no operator for it"},
               [&] { export_model(spec); });
  const StandardForm form = [](const Op&, std::span<const Value> inputs) {
    return std::vector<Value>{inputs[0] + 1.0F};
  };
  const ModelProto model = export_model(spec, {.forms = {{"add_one", form}}});
  EXPECT_EQ(operators_called(model, "Scan"), 1U);
}

TEST(OnnxLoops, SurviveSaveModel) {
  Graph graph;
  const Value rows = input(graph, "rows", f32, {"steps", 3});
  const Value w = parameter(graph, "w", Tensor::of({1.0F, 0.5F, 0.25F}));
  const auto step = [&](std::span<const Value> states, std::span<const Value> elements) {
    return ScanStep{.states = {tanh(states[0] * w + elements[0])}};
  };
  const Value last = scan(step, std::array{w}, std::array{rows}).states[0];
  const Value loss = sum(last);
  const FunctionSpec predict{.inputs = {rows}, .outputs = {last}};
  const FunctionSpec train{
      .inputs = {rows}, .outputs = {loss}, .updates = {assign(w, w - 0.1F * gradients(loss, {w})[0])}};
  const testing_support::TemporaryFolder folder;
  Session session(graph);
  save_model(folder / "loop.onnx", session, {{"predict", predict}, {"train_step", train}});
  Model model = load_model(folder / "loop.onnx");
  EXPECT_TRUE(model.is_as_saved());
  EXPECT_EQ(text_of(model.values("predict").spec), text_of(predict));
  EXPECT_EQ(text_of(model.values("train_step").spec), text_of(train));
  const Tensor fed = Tensor::of({0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F}, {2, 3});
  const Function here = session.compile(train);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(model.function("train_step")({{"rows", fed}})[0].item<float>(), here({fed})[0].item<float>());
}

// --- bodies that were changed ---

/// The operators' outputs where the text of the saved graph has `to` for `from`, and whether it was used.
bool is_as_saved_with(std::string_view from, std::string_view to) {
  Graph graph;
  const Value rows = input(graph, "rows", f32, {2, 3});
  const auto step = [](std::span<const Value> states, std::span<const Value> elements) {
    return ScanStep{.states = {states[0] + elements[0] * 0.5F}};
  };
  const Value total = scan(step, std::array{sum(rows, {0})}, std::array{rows}).states[0];
  const WhileResult loop =
      while_loop([](std::span<const Value> s) { return sum(s[0]) < 9.0F; },
                 [](std::span<const Value> s) { return std::vector<Value>{s[0] * 2.0F}; }, std::array{total});
  ModelProto model = export_model({.inputs = {rows}, .outputs = {loop.states[0]}});
  for (StringStringEntry& entry : model.metadata_props) {
    if (entry.key != kGraphKey) continue;
    const std::size_t at = entry.value.find(from);
    EXPECT_NE(at, std::string::npos) << from << " in " << entry.value;
    if (at != std::string::npos) entry.value.replace(at, from.size(), to);
  }
  Graph loaded;
  return import_model(loaded, from_file(model), {}).is_as_saved;
}

TEST(OnnxLoops, GiveWayToOperatorsWhereTheTextOfABodyIsWrong) {
  EXPECT_TRUE(is_as_saved_with("\"argument\":0", "\"argument\":0"));
  const std::vector<std::pair<std::string_view, std::string_view>> edits{
      {"\"argument\":0", "\"argument\":9"},
      {"\"argument\":0", "\"argument\":-1"},
      {"\"argument\":0", "\"argument\":1"},  // twice
      {"\"states\":1", "\"states\":2"},
      {"\"states\":1", "\"states\":-1"},
      {"\"states\":1", "\"states\":9000000000000000000"},
      {"\"sequences\":1", "\"sequences\":9223372036854775807"},
      {"\"sequences\":1", "\"sequences\":-1"},
      {"\"length\":2", "\"length\":-2"},
      {"\"length\":2", "\"length\":3"},
      {"\"max_steps\":-1", "\"max_steps\":-2"},
      {"\"bodies\":[", "\"bodice\":["},
      {"\"bodies\":[{", "\"bodies\":[],\"other\":[{"},
      {"\"results\":[", "\"results\":[77,"},
      {"{\"op\":\"add\"", "{\"op\":\"random_key\""},
      {"{\"op\":\"add\"", "{\"op\":\"assign\""},
  };
  for (const auto& [from, to] : edits) {
    SCOPED_TRACE(fmt::format("{} for {}", to, from));
    EXPECT_FALSE(is_as_saved_with(from, to));
  }
  const std::string deep = "\"version\":1,\"deep\":" + std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_FALSE(is_as_saved_with("\"version\":1", deep));
}

}  // namespace
}  // namespace weft::onnx
