#include "weft/runtime/split/split_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/ops/loss.h"
#include "weft/ops/sparse.h"
#include "weft/runtime/compile/access.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/layer_training.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing_support::close_to;
using testing_support::expect_error;
using testing_support::images;
using testing_support::kPixels;
using testing_support::mode;
using testing_support::Optimize;
using testing_support::same_bits;
using testing_support::scaled_rows;
using testing_support::sgd_step;
using testing_support::TensorSource;

constexpr std::int64_t kClasses = 5;

/// The ops of the steps, as they print.
std::vector<std::string> ops_of(const Compilation& compilation) {
  std::vector<std::string> texts;
  for (const NodeId id : compilation.lowered.steps)
    texts.push_back(to_string(compilation.lowered.program.graph->node(id).op));
  return texts;
}

/// A network with one wide layer, trained on rows of resident bytes.
struct WideNetwork {
  struct Options {
    std::int64_t units = 512;
    SkipZeros skip_zeros = SkipZeros::always;
    int threads = 1;
    int cuts = 0;
    bool self_check = false;
    bool split_weights = true;
    Optimize optimize = sgd_step;
    bool shows_hidden = false;  // as an output
    bool shows_means = false;   // of the columns of the hidden layer
  };

  explicit WideNetwork(const Options& options) {
    const Value rows = input(graph, "rows", i32, {"batch"});
    const Value labels = input(graph, "labels", i32, {"batch"});
    const Value x = scaled_rows(constant(graph, images(5)), rows);
    TensorSource source("wide network");
    const auto weights = [&](const std::string& name, const std::vector<std::int64_t>& sizes) {
      parameters.push_back(parameter(graph, name, source.uniform(sizes, -0.1, 0.1, f32)));
      return parameters.back();
    };
    const Value w = weights("w", {kPixels, options.units});
    const Value b = weights("b", {options.units});
    const Value hidden = tanh(matmul(x, w) + b);
    const Value v = weights("v", {options.units, kClasses});
    const Value logits = matmul(hidden, v) + weights("c", {kClasses});
    const Value loss = mean(softmax_cross_entropy(logits, labels));
    spec.inputs = {rows, labels};
    spec.outputs = {loss, logits};
    if (options.shows_hidden) spec.outputs.push_back(hidden);
    if (options.shows_means) spec.outputs.push_back(mean(hidden, {0}));
    const auto slopes = gradients(loss, parameters);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      for (const Value& update : options.optimize(graph, parameters[i], slopes[i]))
        spec.updates.push_back(update);
    }
    CompileOptions compile = mode(options.skip_zeros);
    compile.cuts = options.cuts;
    compile.self_check = options.self_check;
    compile.split_weights = options.split_weights;
    session = std::make_unique<Session>(
        graph, SessionOptions{.threads = options.threads, .exact_threads = true, .compile = compile});
  }

  Function step() { return session->compile(spec); }

  /// The outputs of the second step, and the parameters after it.
  std::vector<Tensor> run() {
    Function train = step();
    const Tensor labels = Tensor::of<std::int32_t>({0, 1, 2, 3, 4, 0});
    train({Tensor::of<std::int32_t>({5, 9, 5, 100, 399, 0}), labels});
    const auto outputs = train({Tensor::of<std::int32_t>({1, 2, 3, 5, 8, 13}), labels});
    std::vector<Tensor> all(outputs.begin(), outputs.end());
    for (const Value& value : parameters) all.push_back(session->value(value));
    return all;
  }

  Compilation compilation(std::int64_t batch = 6) { return session->inspect(spec, {{"batch", batch}}); }

  std::vector<std::string> ops(std::int64_t batch = 6) { return ops_of(compilation(batch)); }

  Graph graph;
  std::vector<Value> parameters;
  FunctionSpec spec;
  std::unique_ptr<Session> session;
};

class SplitColumns : public testing::TestWithParam<SkipZeros> {
 protected:
  WideNetwork::Options options(int threads, int cuts = 0) const {
    return {.skip_zeros = GetParam(), .threads = threads, .cuts = cuts};
  }
  /// That the product of the wide layer makes its result in column blocks.
  testing::Matcher<std::vector<std::string>> is_split() const {
    const std::string left = GetParam() == SkipZeros::always ? "sparse[i] b" : "(a b";
    return Contains(AllOf(HasSubstr(left), HasSubstr(", y in ")));
  }
};

TEST_P(SplitColumns, TrainLikeOneThreadDoes) {
  const auto one = WideNetwork(options(1)).run();
  for (const int threads : {2, 4}) {
    WideNetwork network(options(threads));
    EXPECT_THAT(network.ops(), is_split());
    const auto more = network.run();
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(close_to(more[i], one[i], 1e-5)) << threads;
  }
}

TEST_P(SplitColumns, HaveMeansOfTheirColumns) {
  auto seen = options(1);
  seen.shows_means = true;
  const auto one = WideNetwork(seen).run();
  seen.threads = 2;
  WideNetwork network(seen);
  EXPECT_THAT(network.ops(), is_split());
  EXPECT_TRUE(close_to(network.run()[2], one[2], 1e-5));
}

TEST_P(SplitColumns, GiveTheBitsOfTheirCutsWithEveryNumberOfThreads) {
  const auto one = WideNetwork(options(1, 4)).run();
  for (const int threads : {2, 3, 4, 5}) {
    WideNetwork network(options(threads, 4));
    EXPECT_THAT(network.ops(), is_split());
    const auto more = network.run();
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same_bits(more[i], one[i])) << threads;
  }
}

TEST_P(SplitColumns, AgreeWithTheReferenceInEveryStage) {
  auto checked = options(2);
  checked.self_check = true;
  WideNetwork network(checked);
  EXPECT_THAT(network.ops(), is_split());
  EXPECT_NO_THROW(network.run());
}

TEST_P(SplitColumns, LeaveWeightsWithTheThreadsThatUpdateThem) {
  const Compilation compilation = WideNetwork(options(2)).compilation();
  // Neither the weights of the wide layer, nor its values, nor the weights behind it: the rows of the batch
  // and what comes of them in classes.
  EXPECT_LT(exchanged_bytes(compilation.lowered), 4.0 * 6.0 * (kPixels + 12.0 * kClasses));
  EXPECT_LE(compilation.schedule.barriers(), 3U);
}

TEST_P(SplitColumns, NeedPanelsOfWholeLinesThatAreWideEnough) {
  const auto ops = [&](std::int64_t units, int threads, std::int64_t batch = 6) {
    auto wide = options(threads);
    wide.units = units;
    return WideNetwork(wide).ops(batch);
  };
  EXPECT_THAT(ops(256, 2), is_split());
  EXPECT_THAT(ops(384, 3), is_split());
  EXPECT_THAT(ops(256, 3), Not(is_split())) << "256 has no third";
  EXPECT_THAT(ops(272, 2), Not(is_split())) << "136 elements end within a cache line";
  EXPECT_THAT(ops(224, 2), Not(is_split()));
  EXPECT_THAT(ops(256, 2, 255), is_split());
  EXPECT_THAT(ops(256, 2, 256), Not(is_split())) << "the batch is as large as the weight";
}

TEST_P(SplitColumns, NeedAWeightThatTheGradientUpdates) {
  auto momentum = options(2);
  momentum.optimize = [](Graph& in, const Value& w, const Value& slope) {
    const Value velocity =
        parameter(in, "velocity of " + std::to_string(w.node()), Tensor::zeros(f32, w.shape().sizes()));
    const Value next = 0.9 * velocity + slope;
    return std::vector<Value>{assign(velocity, next), assign(w, w - 0.1 * next)};
  };
  EXPECT_THAT(WideNetwork(momentum).ops(), Not(is_split()));
}

TEST_P(SplitColumns, CanBeLeftOut) {
  auto whole = options(2);
  whole.split_weights = false;
  WideNetwork network(whole);
  EXPECT_THAT(network.ops(), Not(is_split()));
  EXPECT_THAT(network.ops(), Not(Contains(HasSubstr(" terms"))));
  const auto expected = WideNetwork(options(2)).run();
  const auto actual = network.run();
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(close_to(actual[i], expected[i], 1e-5));
}

TEST_P(SplitColumns, LeaveWhatTheCallerWantsToSeeInOnePiece) {
  auto seen = options(2);
  seen.shows_hidden = true;
  EXPECT_THAT(WideNetwork(seen).ops(), Not(is_split()));
}

TEST_P(SplitColumns, ReportRowsThatTheDataDoNotHave) {
  WideNetwork network(options(2));
  const Tensor before = network.session->value(network.parameters[0]).clone();
  Function step = network.step();
  expect_error(ErrorCode::out_of_range, {"400"},
               [&] { step({Tensor::of<std::int32_t>({1, 400}), Tensor::of<std::int32_t>({0, 1})}); });
  EXPECT_TRUE(same_bits(network.session->value(network.parameters[0]), before));
}

INSTANTIATE_TEST_SUITE_P(Data, SplitColumns, testing::Values(SkipZeros::always, SkipZeros::never),
                         [](const auto& data) {
                           return data.param == SkipZeros::always ? "Sparse" : "Dense";
                         });

TEST(SplitColumnsOfSeveral, ProductsWithOneSumArePartedTogether) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {"batch"});
  const SparseValue x = gather(sparse_constant(graph, SparseTensor::from_dense(images(5))), rows);
  TensorSource source("two wide layers");
  const auto weights = [&](const char* name, const std::vector<std::int64_t>& sizes) {
    return parameter(graph, name, source.uniform(sizes, -0.1, 0.1, f32));
  };
  const std::vector<Value> w{weights("u", {kPixels, 512}), weights("w", {kPixels, 512}),
                             weights("v", {512, 3})};
  const Value hidden = matmul(x, w[0]) + relu(matmul(x, w[1]));
  const Value loss = mean(square(matmul(hidden, w[2])));
  FunctionSpec spec{.inputs = {rows}, .outputs = {loss}, .updates = {}};
  const auto slopes = gradients(loss, w);
  for (std::size_t i = 0; i < w.size(); ++i) spec.updates.push_back(assign(w[i], w[i] - 0.1 * slopes[i]));
  Session session(graph, {.threads = 2, .exact_threads = true});
  const auto with = [&](std::string_view part) {
    return std::ranges::count_if(ops_of(session.inspect(spec, {{"batch", 6}})),
                                 [&](const std::string& op) { return op.find(part) != std::string::npos; });
  };
  EXPECT_EQ(with("sparse b"), 2);
  EXPECT_EQ(with(", y in 2 column blocks"), 2);
}

}  // namespace
}  // namespace weft
