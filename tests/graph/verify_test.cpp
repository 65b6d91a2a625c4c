#include "weft/graph/verify.h"

#include <gtest/gtest.h>

#include "weft/graph/passes/pass.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// An op whose shape rule changes its mind: how a graph becomes broken that was sound when it was built.
struct Fickle {
  static constexpr std::string_view name = "fickle";
  static inline std::int64_t size = 2;
  static inline bool refuses = false;
  TensorType infer(const TensorType& x) const {
    if (refuses) throw Error(ErrorCode::shape_mismatch, "it refuses");
    return {x.dtype, Shape{size}};
  }
  void forward(const KernelArgs&) const {}
  static constexpr NoGradient gradient{"it is fickle"};
};

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    Fickle::size = 2;
    Fickle::refuses = false;
    const Value x = input(*program_.graph, "x", f32, {2});
    const Value y = apply(Fickle{}, x).named("unsteady");
    program_.roots = {y * 2.0};
  }

  /// A node that can be broken by hand.
  Node& node(NodeId id) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): no public way leads to a broken node
    return const_cast<Node&>(program_.graph->node(id));
  }

  Program program_{std::make_unique<Graph>(), {}};
};

TEST_F(VerifyTest, AcceptsASoundProgram) {
  EXPECT_NO_THROW(verify_graph(program_));
  EXPECT_NO_THROW(verify_graph(Graph()));
}

TEST_F(VerifyTest, FindsTypesThatTheShapeRuleDoesNotInfer) {
  Fickle::size = 3;
  expect_error(ErrorCode::internal, {"verify_test.cpp", "fickle 'unsteady'", "node %1", "shape rule infers"},
               [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, FindsInputsThatTheOpDoesNotAccept) {
  Fickle::refuses = true;
  expect_error(ErrorCode::internal, {"fickle 'unsteady'", "node %1", "does not accept", "it refuses"},
               [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, FindsInputsThatAreNotOlder) {
  node(1).inputs[0].node = 1;
  expect_error(ErrorCode::internal, {"node %1", "input %1 is not older"}, [&] { verify_graph(program_); });
  node(1).inputs[0].node = 3;
  expect_error(ErrorCode::internal, {"node %1", "input %3 is not older"}, [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, FindsInputsThatAreNoOutput) {
  node(1).inputs[0].output = 4;
  expect_error(ErrorCode::internal, {"node %1", "input %0 has no output 4"}, [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, FindsAWrongNumberOfInputs) {
  node(1).inputs.push_back({0, 0});
  expect_error(ErrorCode::internal, {"node %1", "number of inputs"}, [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, FindsRootsThatDoNotBelongToTheProgram) {
  Graph other;
  program_.roots.push_back(input(other, "x", f32, {2}));
  expect_error(ErrorCode::internal, {"root does not belong"}, [&] { verify_graph(program_); });
  program_.roots.back() = Value();
  expect_error(ErrorCode::internal, {"root does not belong"}, [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, FindsRootsThatAreNoOutput) {
  program_.roots.emplace_back(program_.graph.get(), 1, 3);
  expect_error(ErrorCode::internal, {"node %1", "root names an output"}, [&] { verify_graph(program_); });
}

TEST_F(VerifyTest, RunsAfterEveryPassAndNamesTheOneThatBrokeTheProgram) {
  std::vector<std::string> seen;
  const Pass keep{"keep", [](const Program& program) { return extract(*program.graph, program.roots); }};
  const Pass spoil{"spoil", [](const Program& program) {
                     Program copy = extract(*program.graph, program.roots);
                     copy.roots[0] = Value();
                     return copy;
                   }};
  const std::vector<Pass> passes{keep, keep, spoil, keep};
  expect_error(ErrorCode::internal, {"after pass 'spoil'", "root does not belong"}, [&] {
    run_passes(std::move(program_), passes, [&](const std::string& name, const Program& after) {
      EXPECT_EQ(after.graph->size(), 4U);
      seen.push_back(name);
    });
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"keep", "keep"}));
}

}  // namespace
}  // namespace weft
