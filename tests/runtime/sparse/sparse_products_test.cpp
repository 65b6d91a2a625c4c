// Products with sparse matrices in compiled functions, beside the same products with dense ones.

#include "weft/runtime/sparse/sparse_products.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/sparse.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_support::close_to;
using testing_support::expect_error;
using testing_support::kSumBound;
using testing_support::same_bits;
using testing_support::TensorSource;

constexpr std::int64_t kFedSamples = 50;
constexpr std::int64_t kFedWidth = 40;
constexpr std::int64_t kFedUnits = 23;

Tensor mostly_zeros(DType dtype = f32) {
  TensorSource source("sparse products");
  Tensor x = source.uniform({kFedSamples, kFedWidth}, -1.0, 1.0, f32);
  for (float& number : x.mutable_values<float>()) number = number < 0.8F ? 0.0F : number;
  return dtype == f32 ? x : evaluate(Cast{dtype}, {{x}})[0];
}

/// x to the left of a layer, with whatever updates its weight.
using Update = Value (*)(const Value& w, const Value& slope);
Value descend(const Value& w, const Value& slope) { return w - 0.1 * slope; }
Value keep_half(const Value& w, const Value& slope) { return 0.5 * w - slope; }

struct Layer {
  Graph graph;
  Value w = parameter(graph, "w", TensorSource("weights").uniform({kFedWidth, kFedUnits}, -1.0, 1.0, f32));
  Value b = parameter(graph, "b", TensorSource("biases").uniform({kFedUnits}, -1.0, 1.0, f32));

  template <typename X>
  FunctionSpec training(std::vector<Value> inputs, const X& x, Update update = descend) {
    const Value y = relu(matmul(x, w) + b);
    const Value loss = mean(square(y));
    return {.inputs = std::move(inputs),
            .outputs = {loss, y},
            .updates = {assign(w, update(w, gradient(loss, w)))}};
  }
};

std::vector<Tensor> feeds_of(const SparseTensor& x) {
  const auto parts = x.parts();
  return {parts.begin(), parts.end()};
}

std::string stage_of(std::string_view wanted, Session& session, const FunctionSpec& spec,
                     const Bindings& bindings) {
  std::string text;
  session.inspect(spec, bindings, [&](std::string_view stage, const std::string& result) {
    if (stage == wanted) text = result;
  });
  return text;
}

class SparseProducts : public testing::TestWithParam<int> {};

TEST_P(SparseProducts, TrainOnFedRowsLikeTheDenseOnes) {
  for (const Update update : {descend, keep_half}) {
    Layer sparse;
    const SparseValue x = sparse_input(sparse.graph, "x", f32, {"batch", kFedWidth}, "room");
    Session session(sparse.graph, {.threads = GetParam()});
    const auto parts = x.parts();
    Function step = session.compile(sparse.training({parts.begin(), parts.end()}, x, update));
    Layer dense;
    const Value same = input(dense.graph, "x", f32, {"batch", kFedWidth});
    Session other(dense.graph, {.threads = GetParam()});
    Function dense_step = other.compile(dense.training({same}, same, update));

    const Tensor data = mostly_zeros();
    const SparseTensor all = SparseTensor::from_dense(data);
    for (const std::int64_t begin : {0, 20, 10}) {
      const auto results = step(feeds_of(all.rows(begin, 20)));
      const auto expected = dense_step({data.rows(begin, 20)});
      EXPECT_TRUE(close_to(results[0], expected[0], kSumBound));
      EXPECT_TRUE(close_to(results[1], expected[1], kSumBound));
      EXPECT_TRUE(close_to(session.value("w"), other.value("w"), kSumBound));
    }
    EXPECT_EQ(step.plans(), 1U) << "slices of one tensor need one plan";
  }
}

TEST_P(SparseProducts, TrainOnChosenRowsOfResidentData) {
  for (const DType dtype : {f32, u8}) {
    const Tensor data = mostly_zeros(dtype);
    const auto train = [&](const auto& build) {
      Layer layer;
      const Value rows = input(layer.graph, "rows", i32, {"batch"});
      Session session(layer.graph, {.threads = GetParam()});
      Function step = session.compile(build(layer, rows));
      step({Tensor::of<std::int32_t>({3, 3, 49, 0, 7})});
      return step({Tensor::of<std::int32_t>({1, 2, 3, 4, 5})})[1].clone();
    };
    const Tensor sparse = train([&](Layer& layer, const Value& rows) {
      return layer.training({rows},
                            gather(sparse_constant(layer.graph, SparseTensor::from_dense(data)), rows));
    });
    const Tensor dense = train([&](Layer& layer, const Value& rows) {
      return layer.training({rows}, cast(gather(constant(layer.graph, data), rows), f32));
    });
    EXPECT_TRUE(close_to(sparse, dense, kSumBound));
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, SparseProducts, testing::Values(1, 2, 3));

TEST(SparseProductsStage, ChecksAMatrixOnceAndFoldsTheUpdateIntoItsGradient) {
  Layer layer;
  const SparseValue x = sparse_input(layer.graph, "x", f32, {"batch", kFedWidth}, "room");
  Session session(layer.graph);
  const auto parts = x.parts();
  const FunctionSpec spec = layer.training({parts.begin(), parts.end()}, x);
  const Bindings bindings{{"batch", 8}, {"room", 128}};
  const std::string fused = stage_of("fuse", session, spec, bindings);
  EXPECT_EQ(fused.find("checked_entries"), fused.rfind("checked_entries")) << fused;
  EXPECT_THAT(fused, HasSubstr("=relu("));
  EXPECT_THAT(fused, HasSubstr("=c - "));
  EXPECT_THAT(fused, Not(HasSubstr("sparse_matmul")));
  EXPECT_THAT(stage_of("schedule", session, spec, bindings), HasSubstr("rows_gradient"));
}

TEST(SparseProductsStage, LeavesDoublesToTheReference) {
  Graph graph;
  const SparseValue x = sparse_input(graph, "x", f64, {"batch", 3}, "room");
  const Value y = matmul(x, constant(graph, Tensor::of<double>({1, 2, 3}, {3, 1})));
  Session session(graph);
  const auto parts = x.parts();
  Function f = session.compile({.inputs = {parts.begin(), parts.end()}, .outputs = {y}, .updates = {}});
  const auto result = f(feeds_of(SparseTensor::from_dense(Tensor::of<double>({0, 1, 1, 2, 0, 0}, {2, 3}))));
  EXPECT_TRUE(same_bits(result[0], Tensor::of<double>({5, 2}, {2, 1})));
}

TEST(SparseProductsStage, ServesMatricesWithoutRowsColumnsOrEntries) {
  for (const auto& sizes : {std::array<std::int64_t, 2>{0, 3}, {2, 0}, {2, 3}}) {
    Graph graph;
    const SparseValue x = sparse_input(graph, "x", f32, {"batch", sizes[1]}, "room");
    const Value w = constant(graph, Tensor::zeros(f32, {sizes[1], 4}));
    const Value d = input(graph, "d", f32, {"batch", 4});
    Session session(graph);
    const auto parts = x.parts();
    std::vector<Value> inputs(parts.begin(), parts.end());
    inputs.push_back(d);
    Function f =
        session.compile({.inputs = inputs, .outputs = {matmul(x, w), matmul(x, d, true)}, .updates = {}});
    auto feeds = feeds_of(SparseTensor::from_dense(Tensor::zeros(f32, sizes)));
    feeds.push_back(Tensor::zeros(f32, {sizes[0], 4}));
    const auto results = f(feeds);
    EXPECT_TRUE(same_bits(results[0], Tensor::zeros(f32, {sizes[0], 4})));
    EXPECT_TRUE(same_bits(results[1], Tensor::zeros(f32, {sizes[1], 4})));
  }
}

TEST(SparseProductsStage, GivesTheSameBitsOverAnyNumberOfThreadsWithFixedCuts) {
  const SparseTensor data = SparseTensor::from_dense(mostly_zeros());
  std::vector<Tensor> weights;
  for (const int threads : {1, 2, 3, 4}) {
    Layer layer;
    const Value rows = input(layer.graph, "rows", i32, {"batch"});
    Session session(layer.graph, {.threads = threads, .exact_threads = true, .compile = {.cuts = 4}});
    Function step = session.compile(layer.training({rows}, gather(sparse_constant(layer.graph, data), rows)));
    for (int i = 0; i < 3; ++i) step({Tensor::of<std::int32_t>({9, 8, 7, 6, 5, 4, 3, 2, 1, 9})});
    weights.push_back(session.value("w"));
  }
  for (const Tensor& w : weights) EXPECT_TRUE(same_bits(w, weights[0]));
}

TEST(SparseProductsStage, LetsThreadsMeetRarely) {
  Layer layer;
  const Value rows = input(layer.graph, "rows", i32, {"batch"});
  const SparseValue x = gather(sparse_constant(layer.graph, SparseTensor::from_dense(mostly_zeros())), rows);
  Session session(layer.graph, {.threads = 2, .exact_threads = true});
  Function step = session.compile(layer.training({rows}, x));
  const auto barriers = [&](std::int64_t batch) {
    return step.barriers(std::array{TensorType{i32, {batch}}});
  };
  EXPECT_EQ(barriers(kFedWidth), 1U) << "before what needs the whole batch";
  EXPECT_EQ(barriers(8), 3U) << "and, of a split product, behind the check of the rows and the terms";
}

TEST(SparseProductsStage, DoesNotSplitProductsWithAMatrixThatIsFed) {
  Layer layer;
  const SparseValue x = sparse_input(layer.graph, "x", f32, {"batch", kFedWidth}, "room");
  Session session(layer.graph, {.threads = 2, .exact_threads = true});
  const auto parts = x.parts();
  const FunctionSpec spec = layer.training({parts.begin(), parts.end()}, x);
  EXPECT_THAT(stage_of("fuse", session, spec, {{"batch", 8}, {"room", 128}}), Not(HasSubstr("split")));
}

/// X^T d, of a matrix with zeros that is dense or sparse, beside a parameter that only broadcasts to its
/// shape.
struct Neighbour {
  std::vector<std::int64_t> sizes;
  bool sparse = false;
  bool subtracts = false;
};
void PrintTo(const Neighbour& neighbour, std::ostream* out) {
  *out << fmt::format("sizes {}, {}, {}", fmt::join(neighbour.sizes, "x"),
                      neighbour.sparse ? "sparse" : "dense", neighbour.subtracts ? "b - x" : "x + b");
}

class BroadcastNeighbour : public testing::TestWithParam<Neighbour> {};

TEST_P(BroadcastNeighbour, IsNoAccumulatorOfAGradient) {
  const auto& [sizes, is_sparse, subtracts] = GetParam();
  const Tensor x = mostly_zeros();
  Graph graph;
  TensorSource source("neighbours");
  const Value d = parameter(graph, "d", source.uniform({kFedSamples, 5}, -1.0, 1.0, f32));
  const Value b = parameter(graph, "b", source.uniform(sizes, -1.0, 1.0, f32));
  const Value dense = constant(graph, x);
  const Value product = is_sparse ? matmul(sparse_constant(graph, SparseTensor::from_dense(x)), d, true)
                                  : matmul(dense, d, true);
  const auto beside = [&](const Value& y) { return subtracts ? b - y : y + b; };
  Session session(graph, {.compile = {.skip_zeros = SkipZeros::always}});
  Session plain(graph, {.compile = {.skip_zeros = SkipZeros::never, .reference_kernels = true}});
  const auto actual = session.compile({.inputs = {}, .outputs = {beside(product)}, .updates = {}})({});
  const auto expected =
      plain.compile({.inputs = {}, .outputs = {beside(matmul(dense, d, true))}, .updates = {}})({});
  EXPECT_TRUE(close_to(actual[0], expected[0], 1e-5));
}

std::vector<Neighbour> neighbours() {
  std::vector<Neighbour> all;
  for (const std::vector<std::int64_t>& sizes :
       std::vector<std::vector<std::int64_t>>{{}, {1}, {5}, {1, 5}, {kFedWidth, 1}, {1, 1}, {kFedWidth, 5}}) {
    for (const bool sparse : {false, true}) {
      for (const bool subtracts : {false, true}) all.push_back({sizes, sparse, subtracts});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Shapes, BroadcastNeighbour, testing::ValuesIn(neighbours()));

TEST(SparseProductsStage, KeepsToTheReferenceUnderSelfCheck) {
  Layer layer;
  const SparseValue x = sparse_input(layer.graph, "x", f32, {"batch", kFedWidth}, "room");
  Session session(layer.graph, {.threads = 2, .compile = {.self_check = true}});
  const auto parts = x.parts();
  Function step = session.compile(layer.training({parts.begin(), parts.end()}, x));
  EXPECT_NO_THROW(step(feeds_of(SparseTensor::from_dense(mostly_zeros()).rows(3, 9).packed())));
}

TEST(SparseProductsStage, ChangesNothingForRowsThatDoNotFit) {
  Layer layer;
  const SparseValue x = sparse_input(layer.graph, "x", f32, {"batch", kFedWidth}, "room");
  const auto parts = x.parts();
  FunctionSpec spec = layer.training({parts.begin(), parts.end()}, x);
  const Value steps = parameter(layer.graph, "steps", Tensor::scalar(0.0F));
  spec.updates.insert(spec.updates.begin(), assign(steps, steps + 1.0));
  const SparseTensor good = SparseTensor::from_dense(mostly_zeros());
  for (const int threads : {1, 2}) {
    Session session(layer.graph, {.threads = threads});
    Function step = session.compile(spec);
    const Tensor before = session.value("w");
    auto feeds = feeds_of(good);
    feeds[2] = feeds[2].clone();
    feeds[2].mutable_values<std::int32_t>()[0] = kFedWidth;
    expect_error(ErrorCode::out_of_range,
                 {"row 0", "entry 0", "[0, 40)", "got 40", "sparse_products_test.cpp"}, [&] { step(feeds); });
    feeds = feeds_of(good);
    feeds[1] = feeds[1].clone();
    feeds[1].mutable_values<std::int64_t>()[kFedSamples - 1] = std::numeric_limits<std::int64_t>::max();
    expect_error(ErrorCode::out_of_range, {"row 49", "sparse_products_test.cpp"}, [&] { step(feeds); });
    EXPECT_TRUE(same_bits(session.value("w"), before));
    EXPECT_EQ(session.value("steps").item<float>(), 0.0F);
    EXPECT_NO_THROW(step(feeds_of(good)));
  }
}

TEST(SparseProductsStage, CutsTheGradientOfResidentDataByItsEntries) {
  // All entries but one stand in the last two of 100 columns.
  Tensor x = Tensor::zeros(f32, {60, 100});
  for (std::int64_t row = 0; row < 60; ++row) {
    x.mutable_values<float>()[static_cast<std::size_t>(100 * row + 98)] = 1.0F;
    x.mutable_values<float>()[static_cast<std::size_t>(100 * row + 99)] = 1.0F;
  }
  Graph graph;
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value d = input(graph, "d", f32, {"batch", 4});
  const Value y = matmul(gather(sparse_constant(graph, SparseTensor::from_dense(x)), rows), d, true);
  const auto replaced = sparse_products(extract(graph, {{y}}, {{"batch", 6}}));
  if (!replaced) GTEST_FAIL() << "there is a product with a sparse matrix";
  const auto lowered = lower(*replaced, 1, std::vector<std::string>{"rows", "d"});
  const Cut& cut = lowered.kernels.back().cut;
  EXPECT_EQ(share(cut, 2, 0).end, 99);
  EXPECT_EQ(share(cut, 2, 1).begin, 99);
}

}  // namespace
}  // namespace weft
