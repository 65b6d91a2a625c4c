#include <limits>

#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/fuse/fusion_case.h"

namespace weft {
namespace {

using testing_support::FusionCase;
using testing_support::Inputs;
using testing_support::Roots;
using testing_support::TensorSource;

Value fed(Inputs& in, const char* label, const std::vector<std::int64_t>& sizes) {
  in.feeds[label] = TensorSource(label).uniform(sizes, -1.0, 1.0, in.type);
  return input(in.graph, label, in.type, Shape::of(sizes));
}

/// Ten row numbers, [2, 5], of a table of four rows, of which the last is not named.
Value letters(Inputs& in) {
  in.feeds["letters"] = Tensor::of<std::int32_t>({0, 2, 1, 1, 0, 2, 0, 1, 0, 2}, {2, 5});
  return input(in.graph, "letters", i32, {2, 5});
}

Value embedded(Inputs& in) { return gather(fed(in, "table", {4, 36}), letters(in)); }
/// The same by steps of a sequence: [2, 5, 36] -> [10, 9].
Value by_steps(const Value& rows) { return reshape(transpose(rows, {1, 0, 2}), {10, 36}); }
Value by_steps(Inputs& in) { return by_steps(embedded(in)); }

std::vector<FusionCase> gathered_cases() {
  const Pass pass = gathered_products();
  return {
      {"OfRows",
       pass,
       [](Inputs& in) { return Roots{matmul(embedded(in), fed(in, "w", {36, 3}))}; },
       {"= gather(", "[4, 3]"},
       {"[2, 5, 36]"}},
      {"OfMovedRows",
       pass,
       [](Inputs& in) { return Roots{matmul(by_steps(in), fed(in, "w", {3, 36}), false, true)}; },
       {"= gather("},
       {"[10, 36]"}},
      {"WithABias",
       pass,
       [](Inputs& in) { return Roots{fed(in, "v", {3}) + matmul(by_steps(in), fed(in, "w", {36, 3}))}; },
       {"= add("},
       {"= add() : f32[10, 3]", "[10, 36]"}},
      {"WeightGradient",
       pass,
       [](Inputs& in) { return Roots{matmul(by_steps(in), fed(in, "d", {10, 3}), true, false)}; },
       {"= scatter_add(", "[4, 3]"},
       {"[10, 36]"}},
      {"TableGradient",
       pass,
       [](Inputs& in) {
         const Value rows = matmul(fed(in, "d", {10, 3}), fed(in, "w", {36, 3}), false, true);
         return Roots{scatter_add(transpose(reshape(rows, {5, 2, 36}), {1, 0, 2}), letters(in), {4, 36})};
       },
       {"= scatter_add(", "[4, 3]"},
       {"[10, 36]", "[5, 2, 36]"}},
      {"RowsReadTooSeldom",
       pass,
       [](Inputs& in) {
         return Roots{matmul(gather(fed(in, "table", {6, 36}), letters(in)), fed(in, "w", {36, 3}))};
       },
       {"[2, 5, 36]"},
       {"[6, 3]"}},
      {"NumbersWithinARowMoved",
       pass,
       [](Inputs& in) { return Roots{matmul(transpose(embedded(in), {0, 2, 1}), fed(in, "w", {5, 3}))}; },
       {"[2, 36, 5]"},
       {"[4, 3]"}},
      {"SumOfFewNumbers",
       pass,
       [](Inputs& in) {
         return Roots{matmul(gather(fed(in, "table", {4, 31}), letters(in)), fed(in, "w", {31, 3}))};
       },
       {"[2, 5, 31]"},
       {"[4, 3]"}},
  };
}

class GatheredProducts : public testing::TestWithParam<FusionCase> {};

TEST_P(GatheredProducts, MakesTheExpectedOpsAndChangesNoResult) {
  testing_support::expect_fusion(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Patterns, GatheredProducts, testing::ValuesIn(gathered_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(GatheredProducts, ReadNoRowThatIsNotNamed) {
  Inputs in(f32);
  const Value indices = letters(in);
  const Value rows = by_steps(gather(fed(in, "table", {4, 36}), indices));
  const Value d = fed(in, "d", {10, 3});
  const Value w = fed(in, "w", {36, 3});
  const Value scattered = scatter_add(matmul(d, w, false, true), reshape(transpose(indices), {10}), {4, 36});
  const Program before = extract(in.graph, Roots{matmul(rows, w), matmul(rows, d, true, false), scattered});
  const Pass passes[] = {gathered_products()};
  const Program after = run_passes(extract(*before.graph, before.roots), passes);
  const auto last_row = in.feeds["table"].mutable_values<float>().subspan(3 * 36);
  std::ranges::fill(last_row, std::numeric_limits<float>::quiet_NaN());
  in.feeds["w"].mutable_values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  const auto expected = testing_support::evaluate_program(before, in.feeds);
  const auto actual = testing_support::evaluate_program(after, in.feeds);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(testing_support::close_to(actual[i], expected[i], 1e-6)) << i;
}

}  // namespace
}  // namespace weft
