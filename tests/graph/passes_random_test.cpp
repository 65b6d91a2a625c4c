// What holds of a pass on every program: it changes no result, no root's type, and leaves its input alone.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/frontends/verify/random_program.h"
#include "weft/graph/passes/standard.h"
#include "weft/graph/print.h"
#include "weft/graph/verify.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_program;
using testing_support::make_constant;
using testing_support::numbers;
using testing_support::replay;
using testing_support::TensorSource;
using verify::random_program;
using verify::RandomProgram;

constexpr int kPrograms = 150;

struct PassRow {
  std::string name;
  std::vector<Pass> passes;
  double tolerance;  // 0: the pass keeps every bit
};

std::vector<PassRow> pass_rows() {
  const Pass fold = constant_folding(make_constant);
  return {{"dead_code", {dead_code()}, 0.0},
          {"common_subexpressions", {common_subexpressions()}, 0.0},
          {"constant_folding", {fold}, 0.0},
          {"constant_folding_small", {constant_folding(make_constant, 2)}, 0.0},
          {"simplify", {simplify()}, 1e-12},
          {"all", {simplify(), fold, common_subexpressions(), dead_code(), simplify(), fold}, 1e-12}};
}

void expect_close(const Tensor& before, const Tensor& after, double tolerance) {
  ASSERT_EQ(before.type(), after.type());
  if (tolerance == 0.0) {
    EXPECT_TRUE(identical(before, after)) << to_string(before) << " became " << to_string(after);
    return;
  }
  const auto left = numbers(before);
  const auto right = numbers(after);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (std::isnan(left[i]) && std::isnan(right[i])) continue;
    if (left[i] == right[i]) continue;  // infinities, too
    ASSERT_NEAR(left[i], right[i], tolerance * std::max(1.0, std::abs(left[i])));
  }
}

class PassOnRandomPrograms : public testing::TestWithParam<PassRow> {};

TEST_P(PassOnRandomPrograms, ChangesNoResult) {
  SCOPED_TRACE(replay());
  TensorSource source(GetParam().name);
  for (int i = 0; i < kPrograms && !HasFailure(); ++i) {
    const RandomProgram random = random_program(source, 25);
    const std::string before = to_text(*random.program.graph, random.program.roots);
    const auto expected = evaluate_program(random.program, random.feeds);
    const Program changed =
        run_passes(extract(*random.program.graph, random.program.roots), GetParam().passes);
    SCOPED_TRACE(before + "became\n" + to_text(changed));
    EXPECT_EQ(to_text(random.program), before);
    const auto actual = evaluate_program(changed, random.feeds);
    ASSERT_EQ(expected.size(), actual.size());
    for (std::size_t root = 0; root < expected.size(); ++root) {
      expect_close(expected[root], actual[root], GetParam().tolerance);
    }
  }
}

/// How many nodes a run computes: constants are there already, and reshapes look at what is there.
std::ptrdiff_t computing_nodes(const Program& program) {
  const auto needed = needed_nodes(*program.graph, program.roots);
  return std::ranges::count_if(needed, [&](NodeId id) {
    const Op& op = program.graph->node(id).op;
    return op.constant() == nullptr && !op.is<Reshape>();
  });
}

TEST_P(PassOnRandomPrograms, AddsNoWork) {
  SCOPED_TRACE(replay());
  TensorSource source(GetParam().name + "/size");
  for (int i = 0; i < kPrograms / 3; ++i) {
    const RandomProgram random = random_program(source, 25);
    const Program changed =
        run_passes(extract(*random.program.graph, random.program.roots), GetParam().passes);
    EXPECT_LE(computing_nodes(changed), computing_nodes(random.program))
        << to_text(random.program) << "became\n"
        << to_text(changed);
  }
}

INSTANTIATE_TEST_SUITE_P(Passes, PassOnRandomPrograms, testing::ValuesIn(pass_rows()),
                         [](const auto& row) { return row.param.name; });

TEST(RandomProgram, IsTheSameForTheSameStream) {
  TensorSource first("twice");
  TensorSource second("twice");
  EXPECT_EQ(to_text(random_program(first, 40).program), to_text(random_program(second, 40).program));
}

TEST(RandomProgram, UsesManyOps) {
  TensorSource source("variety");
  std::map<std::string_view, int> seen;
  for (int i = 0; i < 300; ++i) {
    const RandomProgram random = random_program(source, 25);
    verify_graph(random.program);
    for (NodeId id = 0; id < random.program.graph->size(); ++id)
      ++seen[random.program.graph->node(id).op.name()];
  }
  for (const std::string_view op :
       {"add", "matmul", "transpose", "reshape", "sum", "max", "softmax", "where", "slice", "concat",
        "broadcast_to", "gather", "random_uniform", "constant", "parameter"}) {
    EXPECT_GT(seen[op], 0) << op << "; " << replay();
  }
}

}  // namespace
}  // namespace weft
