#include "weft/runtime/split/split_products.h"

#include <gtest/gtest.h>

#include "weft/ops/sparse.h"
#include "weft/runtime/compile/access.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/layer_training.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::images;
using testing_support::kPixels;
using testing_support::kSamples;
using testing_support::LayerTraining;
using testing_support::mode;
using testing_support::momentum_step;
using testing_support::Optimize;
using testing_support::same_bits;
using testing_support::scaled_rows;
using testing_support::sgd_step;
using testing_support::TensorSource;

LayerTraining split_training(int threads, int cuts = 0, const Optimize& optimize = sgd_step) {
  CompileOptions options = mode(SkipZeros::always);
  options.cuts = cuts;
  return {images(5), scaled_rows, options, threads, optimize};
}

/// Whether a product is a sum of terms.
bool has_terms(const Compilation& compilation) {
  return std::ranges::any_of(compilation.lowered.steps, [&](NodeId id) {
    const auto formula = formula_of(compilation.lowered.program.graph->node(id).op);
    return formula && formula->terms > 1;
  });
}
bool is_split(const LayerTraining& training) { return has_terms(training.compilation()); }

TEST(SplitProducts, TrainLikeOneThreadDoes) {
  const auto one = split_training(1).run();
  for (const int threads : {2, 3, 4}) {
    LayerTraining training = split_training(threads);
    EXPECT_TRUE(is_split(training));
    const auto more = training.run();
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(close_to(more[i], one[i], 1e-5)) << threads;
  }
}

TEST(SplitProducts, GiveTheBitsOfTheirCutsWithEveryNumberOfThreads) {
  const auto one = split_training(1, 4).run();
  for (const int threads : {2, 3, 4, 5}) {
    const auto more = split_training(threads, 4).run();
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same_bits(more[i], one[i])) << threads;
  }
}

TEST(SplitProducts, AgreeWithTheReferenceInEveryStage) {
  CompileOptions options = mode(SkipZeros::always);
  options.self_check = true;
  LayerTraining training(images(5), scaled_rows, options, 2);
  EXPECT_TRUE(is_split(training));
  EXPECT_NO_THROW(training.run());
}

TEST(SplitProducts, LeaveTheWeightWithTheThreadsThatUpdateIt) {
  const Compilation compilation = split_training(2).compilation();
  const double weight = 4.0 * static_cast<double>(kPixels * testing_support::kUnits);
  EXPECT_LT(exchanged_bytes(compilation.lowered), weight);
  EXPECT_EQ(compilation.schedule.barriers(), 2U);
  const Compilation together = split_training(2, 0, momentum_step).compilation();
  EXPECT_GT(exchanged_bytes(together.lowered), weight);
}

TEST(SplitProducts, WriteTheirTermsWhole) {
  const Lowered lowered = split_training(2).compilation().lowered;
  std::size_t terms = 0;
  for (std::size_t step = 0; step < lowered.steps.size(); ++step) {
    const auto formula = formula_of(lowered.program.graph->node(lowered.steps[step]).op);
    if (!formula || formula->terms == 1) continue;
    for (const Access& access : accesses_of(lowered, step)) {
      if (!access.writes) continue;
      EXPECT_EQ(access.rows, Access::kAnywhere);
      ++terms;
    }
  }
  EXPECT_EQ(terms, 2U);
}

TEST(SplitProducts, NeedAWeightThatTheStepUpdates) {
  EXPECT_FALSE(is_split(split_training(2, 0, momentum_step)));
  const auto nothing = [](Graph&, const Value&, const Value&) { return std::vector<Value>{}; };
  EXPECT_FALSE(is_split(split_training(2, 0, nothing)));
}

TEST(SplitProducts, NeedAWeightThatIsLargeComparedWithTheTerms) {
  // Six rows: 60 columns hold 2 * 5 terms of them, not 2 * 6.
  EXPECT_TRUE(is_split(split_training(1, 5)));
  EXPECT_FALSE(is_split(split_training(1, 6)));
}

TEST(SplitProducts, NeedColumnsForEachTerm) {
  // All non-zeros stand in the last column.
  Tensor data = Tensor::zeros(DType::u8, {kSamples, kPixels});
  for (std::size_t row = 0; row < kSamples; ++row)
    data.mutable_values<std::uint8_t>()[kPixels * row + kPixels - 1] = 1;
  LayerTraining training(data, scaled_rows, mode(SkipZeros::always), 3);
  EXPECT_FALSE(is_split(training));
  EXPECT_NO_THROW(training.run());
}

TEST(SplitProducts, OfSparseMatricesTrainLikeOneThreadDoes) {
  const auto weights = [](int threads) {
    Graph graph;
    const Value rows = input(graph, "rows", i32, {"batch"});
    const SparseValue x = gather(sparse_constant(graph, SparseTensor::from_dense(images(5))), rows);
    TensorSource source("split weights");
    const Value w = parameter(graph, "w", source.uniform({kPixels, 9}, -0.001, 0.001, f32));
    const Value loss = mean(square(tanh(matmul(x, w))));
    Session session(graph, {.threads = threads, .exact_threads = true});
    const FunctionSpec spec{
        .inputs = {rows}, .outputs = {loss}, .updates = sgd_step(graph, w, gradient(loss, w))};
    const Compilation compilation = session.inspect(spec, {{"batch", 6}});
    EXPECT_EQ(has_terms(compilation), threads > 1);
    Function step = session.compile(spec);
    for (int i = 0; i < 2; ++i) step({Tensor::of<std::int32_t>({1, 2, 3, 5, 8, 13})});
    return session.value(w);
  };
  const Tensor one = weights(1);
  for (const int threads : {2, 3}) EXPECT_TRUE(close_to(weights(threads), one, 1e-5)) << threads;
}

}  // namespace
}  // namespace weft
