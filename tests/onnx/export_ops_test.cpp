// Every op that is exported, on the samples of its specification, and random programs: what they give after a
// save and a load.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/frontends/verify/numbers.h"
#include "weft/frontends/verify/random_program.h"
#include "weft/frontends/verify/specification.h"
#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/source.h"

namespace weft::onnx {
namespace {

using std::string_view_literals::operator""sv;

/// A model as it comes back from its file.
ModelProto reread(const ModelProto& model) {
  const auto bytes = std::make_shared<const std::string>(model_bytes(model));
  return parse_model({std::as_bytes(std::span(*bytes)), bytes}, "bytes");
}

/// The outputs of a model's operators by the reference kernels.
std::vector<Tensor> outputs_of(const ModelProto& model,
                               const std::map<std::string, Tensor, std::less<>>& feeds) {
  Graph graph;
  const Imported imported = import_model(graph, model, {}, {.as_saved = false});
  std::vector<Value> values;
  for (const ImportedOutput& output : imported.outputs) values.push_back(output.values.at(0));
  Session session(graph);
  return evaluate(extract(graph, values), [&](const Node& node) {
    if (const auto* input = node.op.as<Input>()) return feeds.at(input->label);
    if (const auto* parameter = node.op.as<Parameter>()) return session.value(parameter->label);
    return Tensor();
  });
}

/// The largest |a - b| / max(1, |b|); infinite where only one is a NaN, or where infinities or sizes differ.
double distance(const Tensor& actual, const Tensor& expected) {
  if (!std::ranges::equal(actual.sizes(), expected.sizes())) return HUGE_VAL;
  const auto a = verify::numbers_of(actual);
  const auto b = verify::numbers_of(expected);
  double worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
  }
  return worst;
}

struct Trip {
  std::string refusal;  // why it cannot be saved; "" if it can
  double error = 0.0;
};

/// The op on inputs of a function, saved, loaded and evaluated.
Trip trip_of(const verify::Sample& sample) {
  Graph graph;
  std::vector<Value> inputs;
  std::map<std::string, Tensor, std::less<>> feeds;
  for (const Tensor& tensor : sample.inputs) {
    const std::string label = fmt::format("x{}", inputs.size());
    inputs.push_back(input(graph, label, tensor.dtype(), Shape::of(tensor.sizes())));
    feeds[label] = tensor;
  }
  const NodeId node = graph.add(sample.op, inputs, Where::current());
  const FunctionSpec spec{.inputs = inputs, .outputs = graph.outputs_of(node)};
  ModelProto model;
  try {
    model = export_model(spec);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return {.refusal = error.message()};
  }
  const std::vector<Tensor> expected = evaluate(sample.op, sample.inputs);
  const std::vector<Tensor> made = outputs_of(reread(model), feeds);
  Trip trip;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(made[i].dtype(), expected[i].dtype());
    trip.error = std::max(trip.error, distance(made[i], expected[i]));
  }
  return trip;
}

bool shows() { return std::getenv("WEFT_SHOW_EXPORTS") != nullptr; }

TEST(OnnxExportOps, GiveTheSameNumbersAfterALoad) {
  constexpr double kBound = 1e-12;
  constexpr int kSamples = 4;
  constexpr std::size_t kLeast = 153;
  static constexpr std::array kDrawn{"random_uniform"sv, "random_normal"sv};  // which have other numbers
  std::set<std::string> exported{"input", "parameter"};                       // which run nothing
  std::set<std::string> refused;
  for (const verify::Specification& specification : verify::builtin_specifications()) {
    if (std::ranges::find(kDrawn, specification.op) != kDrawn.end()) continue;
    for (std::size_t s = 0; specification.runs && s < specification.samplers.size(); ++s) {
      verify::SampleSource source(1, fmt::format("{} {}", specification.op, s));
      for (int i = 0; i < kSamples; ++i) {
        const verify::Sample sample = specification.samplers[s](source);
        SCOPED_TRACE(fmt::format("{} of {}", to_string(sample.op),
                                 sample.inputs.empty() ? "nothing" : to_string(sample.inputs[0])));
        Trip trip;
        EXPECT_NO_THROW(trip = trip_of(sample));
        if (!trip.refusal.empty()) {
          if (shows() && refused.insert(std::string(specification.op)).second)
            fmt::print("{}: {}\n", specification.op, trip.refusal);
          continue;
        }
        exported.emplace(specification.op);
        EXPECT_LE(trip.error, kBound);
      }
    }
  }
  if (shows()) fmt::print("{} ops are exported: {}\n", exported.size(), fmt::join(exported, " "));
  EXPECT_GE(exported.size(), kLeast);
  EXPECT_THAT(exported_ops(), testing::IsSupersetOf(exported));
}

TEST(OnnxExportOps, RandomProgramsGiveTheSameNumbersAfterALoad) {
  constexpr double kBound = 1e-8;
  constexpr int kPrograms = 150;
  constexpr int kLeast = 50;
  int exported = 0;
  for (int number = 0; number < kPrograms; ++number) {
    SCOPED_TRACE(fmt::format("program {}", number));
    verify::SampleSource source(7, fmt::format("onnx {}", number));
    const verify::RandomProgram random = verify::random_program(source, 8);
    Graph& graph = *random.program.graph;
    FunctionSpec spec{.outputs = random.program.roots};
    const std::size_t nodes = graph.size();  // each initial value adds a node
    for (NodeId id = 0; id < nodes; ++id) {
      const Value value = graph.value({id, 0});
      if (graph.node(id).op.is<Input>()) spec.inputs.push_back(value);
      if (const auto* parameter = graph.node(id).op.as<Parameter>())
        graph.declare_state(parameter->label, value, constant(graph, random.feeds.at(parameter->label)));
    }
    ModelProto model;
    try {
      model = export_model(spec);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::unsupported) << error.what();
      continue;
    }
    ++exported;
    if (std::ranges::any_of(model.graph.node,
                            [](const NodeProto& node) { return node.op_type.starts_with("Random"); }))
      continue;  // it draws other numbers
    if (to_text(random.program).find("= searchsorted(") != std::string::npos)
      continue;  // of numbers that are not sorted, in which nothing can be found
    std::vector<Tensor> made;
    ASSERT_NO_THROW(made = outputs_of(reread(model), random.feeds));
    for (std::size_t i = 0; i < made.size(); ++i)
      EXPECT_LE(distance(made[i], random.expected[i]), kBound) << i << " of\n" << to_text(random.program);
  }
  if (shows()) fmt::print("{} of {} programs are exported\n", exported, kPrograms);
  EXPECT_GE(exported, kLeast);
}

}  // namespace
}  // namespace weft::onnx
