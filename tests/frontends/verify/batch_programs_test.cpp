// Random programs for a batch of examples, by vmap, against the interpreter on one example after the other.

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "weft/autodiff/vmap.h"
#include "weft/frontends/verify/random_program.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft {
namespace {

using testing_support::evaluate_program;
using testing_support::Feeds;
using testing_support::numbers;
using verify::RandomProgram;

constexpr std::int64_t kProgramExamples = 3;

/// The numbers of an example: floats are a little nearer to 0 in each one.
Feeds feeds_of(const Feeds& feeds, std::int64_t example) {
  Feeds varied;
  for (const auto& [label, tensor] : feeds) {
    Tensor other = tensor.clone();
    if (tensor.dtype() == f64) {
      for (double& x : other.mutable_values<double>()) x *= 1.0 - static_cast<double>(example) / 64.0;
    }
    varied.emplace(label, std::move(other));
  }
  return varied;
}

/// Examples that share a key draw other numbers than each would alone, and a vector that is not sorted is
/// searched in some way.
bool may_differ(const Program& program) {
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    const Op& op = program.graph->node(id).op;
    if (op.is<SearchSorted>() || op.name().starts_with("random_")) return true;
  }
  return false;
}

/// The roots of a program, computed of these values of its inputs and parameters, by label.
std::vector<Value> replayed(const Program& program, Graph& graph,
                            const std::map<std::string, Value, std::less<>>& inputs) {
  std::map<ValueId, Value> made;
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    const Node& node = program.graph->node(id);
    const auto* input = node.op.as<Input>();
    const auto* parameter = node.op.as<Parameter>();
    if (input != nullptr || parameter != nullptr) {
      made[{id, 0}] = inputs.at(input != nullptr ? input->label : parameter->label);
      continue;
    }
    std::vector<Value> operands;
    for (const ValueId& operand : node.inputs) operands.push_back(made.at(operand));
    const auto outputs = graph.outputs_of(graph.add(node.op, operands, node.where));
    for (std::uint32_t i = 0; i < outputs.size(); ++i) made[{id, i}] = outputs[i];
  }
  std::vector<Value> roots;
  for (const Value& root : program.roots) roots.push_back(made.at({root.node(), root.output()}));
  return roots;
}

/// The roots for all examples.
std::vector<Tensor> mapped(const RandomProgram& random) {
  Graph graph;
  std::vector<Mapped> batches;
  std::vector<std::string> labels;
  Feeds feeds;
  for (const auto& [label, tensor] : random.feeds) {
    std::vector<std::int64_t> sizes{kProgramExamples};
    sizes.insert(sizes.end(), tensor.sizes().begin(), tensor.sizes().end());
    Tensor all = Tensor::uninitialized(tensor.dtype(), sizes);
    for (std::int64_t example = 0; example < kProgramExamples; ++example) {
      const Tensor one = feeds_of(random.feeds, example).at(label);
      visit_dtype(one.dtype(), [&]<typename T>(T) {
        std::ranges::copy(one.values<T>(), all.mutable_values<T>().begin() + example * one.elements());
      });
    }
    batches.emplace_back(input(graph, label, tensor.dtype(), Shape::of(sizes)));
    labels.push_back(label);
    feeds.emplace(label, std::move(all));
  }
  const auto roots = vmap_many(
      [&](std::span<const Value> example) {
        std::map<std::string, Value, std::less<>> inputs;
        for (std::size_t i = 0; i < labels.size(); ++i) inputs.emplace(labels[i], example[i]);
        return replayed(random.program, graph, inputs);
      },
      batches);
  return testing_support::evaluate_values(roots, feeds);
}

/// What each example gives alone; nothing where an op refuses the numbers of one.
std::optional<std::vector<std::vector<Tensor>>> one_by_one(const RandomProgram& random) {
  std::vector<std::vector<Tensor>> results;
  try {
    for (std::int64_t example = 0; example < kProgramExamples; ++example)
      results.push_back(evaluate_program(random.program, feeds_of(random.feeds, example)));
  } catch (const Error&) {
    return std::nullopt;
  }
  return results;
}

TEST(BatchPrograms, GiveWhatTheirExamplesGive) {
  int tried = 0;
  for (int seed = 1; seed <= 60; ++seed) {
    verify::SampleSource source(static_cast<std::uint64_t>(seed), "batch programs");
    const RandomProgram random = verify::random_program(source, 25);
    const auto wanted = one_by_one(random);
    if (may_differ(random.program) || random.feeds.empty() || !wanted) continue;
    ++tried;
    const std::vector<Tensor> found = mapped(random);
    for (std::size_t root = 0; root < found.size(); ++root) {
      const auto all = numbers(found[root]);
      for (std::size_t example = 0; example < wanted->size(); ++example) {
        const auto one = numbers((*wanted)[example][root]);
        ASSERT_EQ(all.size(), one.size() * wanted->size()) << "program " << seed;
        for (std::size_t i = 0; i < one.size(); ++i) {
          const double actual = all[example * one.size() + i];
          if (actual == one[i] || (std::isnan(actual) && std::isnan(one[i]))) continue;
          ASSERT_NEAR(actual, one[i], 1e-9 * std::max(1.0, std::abs(one[i])))
              << "program " << seed << ", root " << root << ", example " << example;
        }
      }
    }
  }
  EXPECT_GT(tried, 20);
}

}  // namespace
}  // namespace weft
