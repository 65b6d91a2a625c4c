#include "weft/frontends/verify/batch_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "weft/frontends/verify/specification.h"
#include "weft/ops/batching.h"

namespace weft {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using verify::Sample;
using verify::SampleSource;

/// Every op whose batching rules do not take all inputs where the number of examples is a symbol: its
/// examples are taken one by one.
TEST(BatchCheck, FewOpsNeedToKnowHowManyExamplesThereAre) {
  std::set<std::string> unrolled;
  for (const auto& specification : verify::builtin_specifications()) {
    for (std::size_t i = 0; i < specification.samplers.size(); ++i) {
      SampleSource source(1, specification.op);
      const Sample sample = specification.samplers[i](source);
      const auto findings = verify::check_batch(sample, false);
      EXPECT_TRUE(findings.failures.empty()) << specification.op << ": " << findings.failures[0];
      if (!findings.symbolic) unrolled.emplace(specification.op);
    }
  }
  EXPECT_THAT(unrolled,
              ElementsAre("conv2d", "conv2d_input_gradient", "conv3d", "conv3d_input_gradient", "nonzero",
                          "random_gamma", "random_normal", "random_poisson", "random_uniform",
                          "sampled_matmul", "sparse_matmul", "step_key", "unique"));
}

/// Sums of rows, whose batching rule forgets that the rows have moved.
struct RowSum {
  static constexpr std::string_view name = "row_sum";
  TensorType infer(const TensorType& x) const { return {x.dtype, Shape{x.shape[x.shape.rank() - 1]}}; }
  void forward(const KernelArgs& args) const {
    const auto x = args.inputs[0].as<const double>();
    const auto y = args.outputs[0].as<double>();
    std::ranges::fill(y, 0.0);
    for (std::size_t i = 0; i < x.size(); ++i) y[i % y.size()] += x[i];
  }
  static constexpr NoGradient gradient{"the test needs none"};
  std::vector<Value> batch(const BatchArgs& args) const {
    return {broadcast_to(apply(*this, args.inputs[0]), Shape{args.size, args.inputs[0].shape()[2]})};
  }
};

TEST(BatchCheck, FindsAWrongRule) {
  SampleSource source(1, "rows");
  const auto findings = verify::check_batch({.op = RowSum{}, .inputs = {source.uniform({2, 3})}}, false);
  EXPECT_THAT(findings.failures, Contains(HasSubstr("for a batch of examples, result 0 is off by")));
}

/// A user's op with neither rule nor traits.
struct Reversed {
  static constexpr std::string_view name = "reversed";
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const {
    std::ranges::reverse_copy(x.data, y.data.begin());
  }
  Value gradient(Value, Value, Value dy) const { return apply(Reversed{}, dy); }
};

TEST(BatchCheck, TakesAnyOpOneExampleAfterTheOther) {
  SampleSource source(1, "reversed");
  const auto findings = verify::check_batch({.op = Reversed{}, .inputs = {source.uniform({2, 3})}}, true);
  EXPECT_FALSE(findings.symbolic);
  EXPECT_TRUE(findings.failures.empty()) << findings.failures[0];
}

}  // namespace
}  // namespace weft
