#include "weft/runtime/compile/self_check.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/own_kernel.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;
using testing_support::same_bits;
using testing_support::TensorSource;

/// One step of training with dropout and a resident data set.
struct CheckedTraining {
  CheckedTraining() {
    TensorSource source("self check");
    const Value images = constant(graph, source.whole({40, 12}, 255, u8));
    const Value labels = constant(graph, source.whole({40}, 3, u8));
    rows = input(graph, "rows", i32, {"batch"});
    w1 = parameter(graph, "w1", source.uniform({12, 9}, -0.3, 0.3, f32));
    w2 = parameter(graph, "w2", source.uniform({9, 3}, -0.3, 0.3, f32));
    const Value x = cast(gather(images, rows), f32) / 255.0;
    const Value hidden = dropout(relu(matmul(x, w1) + 0.1), 0.2);
    loss = mean(softmax_cross_entropy(matmul(hidden, w2), gather(labels, rows)));
    const auto slopes = gradients(loss, {w1, w2});
    spec = {.inputs = {rows},
            .outputs = {loss},
            .updates = {assign(w1, w1 - 0.5 * slopes[0]), assign(w2, w2 - 0.5 * slopes[1])}};
  }
  Graph graph;
  Value rows, w1, w2, loss;
  FunctionSpec spec;
};

TEST(SelfCheck, FindsNothingInWhatIsRightAndChangesNothing) {
  for (const int threads : {1, 3}) {
    CheckedTraining training;
    Session plain(training.graph, {.threads = threads, .exact_threads = true});
    Session checked(
        training.graph,
        {.threads = threads, .exact_threads = true, .compile = {.self_check = true, .nan_guard = true}});
    Function expected = plain.compile(training.spec);
    Function actual = checked.compile(training.spec);
    for (int step = 0; step < 4; ++step) {
      const Tensor rows = TensorSource("rows").whole({step == 3 ? 5 : 8}, 40, i32);
      EXPECT_TRUE(same_bits(actual({rows})[0], expected({rows})[0])) << step << " " << threads;
    }
    EXPECT_TRUE(same_bits(checked.value("w1"), plain.value("w1")));
  }
}

Program program_of(const std::function<Value(const Value&)>& function) {
  Graph graph;
  const Value y = function(input(graph, "x", f32, {3}));
  return extract(graph, {&y, 1});
}

TEST(SelfCheck, NamesTheFirstStageThatChangesAResult) {
  std::vector<StageProgram> stages;
  stages.push_back({"specialize", program_of([](const Value& x) { return x * 2.0; })});
  stages.push_back({"simplify", program_of([](const Value& x) { return x + x; })});
  const auto feed = [](const Node&) { return Tensor::of<float>({1, 2, 3}); };
  check_stages(stages, feed);
  stages.push_back({"fuse_matmul", program_of([](const Value& x) { return x * 2.01; })});
  stages.push_back({"fuse_elementwise", program_of([](const Value& x) { return x * 3.0; })});
  expect_error(ErrorCode::internal,
               {"the compiler's stage 'fuse_matmul'", "element 0 of output 0", "2.01", "mul"},
               [&] { check_stages(stages, feed); });
}

TEST(SelfCheck, NamesAKernelThatIsWrong) {
  Graph graph;
  const Value y = exp(input(graph, "x", f32, {2})).named("growth");
  const Node& node = graph.node(y.node());
  const std::vector<Tensor> inputs{Tensor::of<float>({0.0F, 1.0F})};
  check_kernel(node, "fast", inputs, std::vector{Tensor::of<float>({1.0F, 2.7182818F})});
  expect_error(ErrorCode::internal,
               {"exp 'growth'", "the kernel 'fast'", "element 1", "2.8", "self_check_test.cpp"},
               [&] { check_kernel(node, "fast", inputs, std::vector{Tensor::of<float>({1.0F, 2.8F})}); });
  expect_error(ErrorCode::internal, {"element 0", "nan"}, [&] {
    check_kernel(node, "fast", inputs, std::vector{Tensor::of<float>({NAN, 2.7182818F})});
  });
}

TEST(SelfCheck, NamesAValueThatThePlanLetsSomethingOverwrite) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 1});
  const Value y = exp(x).named("growth");
  const Value flat = reshape(y, {2});
  const Value z = tanh(flat).named("bend");
  const Node& reader = graph.node(z.node());
  const ValueId made{.node = y.node(), .output = 0};
  const ValueId read{.node = flat.node(), .output = 0};
  ValueWatch watch(graph);
  watch.expect_kept(read, Tensor::of<float>({5.0F, 6.0F}), reader);  // nothing is known of it
  watch.made(made, Tensor::of<float>({1.0F, 2.0F}));
  watch.expect_kept(read, Tensor::of<float>({1.0F, 2.0F}), reader);
  expect_error(ErrorCode::internal,
               {"tanh 'bend'", "write over what exp 'growth' gave", "self_check_test.cpp"},
               [&] { watch.expect_kept(read, Tensor::of<float>({1.0F, 2.5F}), reader); });
}

/// tanh, wrong from the third element on if asked.
template <bool kWrong>
void compute_tanh(std::span<const float> x, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = kWrong && i >= 2 ? 0.0F : std::tanh(x[i]);
}

template <bool kWrong>
constexpr KernelOffer kOwnTanh = testing_support::own_kernel<Tanh, compute_tanh<kWrong>>;

TEST(OwnKernel, IsTriedBeforeThoseOfTheList) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const FunctionSpec spec{.inputs = {x}, .outputs = {tanh(x)}, .updates = {}};
  const Tensor fed = Tensor::of<float>({0.5F, 1.0F, 1.5F, 2.0F});
  Session wrong(graph, {.compile = {.kernels = {{"own_tanh", kOwnTanh<true>}}}});
  EXPECT_EQ(wrong.compile(spec)({fed})[0].values<float>()[2], 0.0F);
  EXPECT_EQ(wrong.inspect(spec, {}).lowered.kernels[0].name, "own_tanh");
  Session reference(graph,
                    {.compile = {.reference_kernels = true, .kernels = {{"own_tanh", kOwnTanh<true>}}}});
  EXPECT_GT(reference.compile(spec)({fed})[0].values<float>()[2], 0.9F);
}

TEST(OwnKernel, IsNamedByTheSelfCheckIfItIsWrong) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const FunctionSpec spec{.inputs = {x}, .outputs = {tanh(x)}, .updates = {}};
  const Tensor fed = Tensor::of<float>({0.5F, 1.0F, 1.5F, 2.0F});
  Session right(graph, {.compile = {.kernels = {{"own_tanh", kOwnTanh<false>}}, .self_check = true}});
  right.compile(spec)({fed});
  Session wrong(graph, {.compile = {.kernels = {{"own_tanh", kOwnTanh<true>}}, .self_check = true}});
  Function function = wrong.compile(spec);
  expect_error(ErrorCode::internal, {"the kernel 'own_tanh' changes element 2", "tanh"},
               [&] { function({fed}); });
}

TEST(NanGuard, NamesTheFirstNodeItsInputsAndTheUsersLine) {
  Graph graph;
  const Value x = input(graph, "x", f32, {3});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {3}));
  const auto line = std::to_string(__LINE__ + 1);
  const Value root = log(x).named("logarithm");
  const FunctionSpec spec{
      .inputs = {x},
      .outputs = {sum(matmul(broadcast_to(root, {1, 3}), constant(graph, Tensor::zeros(f32, {3, 1}))))},
      .updates = {assign(w, w + x)}};
  Session session(graph, {.compile = {.nan_guard = true}});
  Function function = session.compile(spec);
  function({Tensor::of<float>({1, 2, 3})});
  const Tensor before = session.value(w);
  expect_error(ErrorCode::numeric,
               {"log", "a NaN came out", "f32[3] in [-2, 4]", "self_check_test.cpp:" + line},
               [&] { function({Tensor::of<float>({1, -2, 4})}); });
  EXPECT_TRUE(same_bits(session.value(w), before));
  function({Tensor::of<float>({1, 2, 3})});
}

TEST(NanGuard, NamesTheOpInsideAFusedChain) {
  for (const bool fuses : {true, false}) {
    SCOPED_TRACE(fuses);
    Graph graph;
    const Value x = input(graph, "x", f32, {3});
    const Value shifted = x - 1.0;
    const auto line = at_line(__LINE__ + 1);
    const Value root = sqrt(shifted);
    const Value y = exp(root) * 2.0 + x;
    Session session(graph, {.compile = {.fuse_elementwise = fuses, .nan_guard = true}});
    Function function = session.compile({.inputs = {x}, .outputs = {y}});
    expect_error(ErrorCode::numeric, {line + ": sqrt: a NaN came out", "f32[3] in [-3, 3]"},
                 [&] { function({Tensor::of<float>({1, -2, 4})}); });
  }
}

TEST(NanGuard, BlamesNoNanThatTheChainHides) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value safe = where(x > 0.0, sqrt(x), 0.0);
  const auto line = at_line(__LINE__ + 1);
  const Value y = safe / (safe * 2.0);
  Session session(graph, {.compile = {.simplify = false, .nan_guard = true}});
  Function function = session.compile({.inputs = {x}, .outputs = {y}});
  expect_error(ErrorCode::numeric, {line + ": div: a NaN came out", "f32[2] in [0, 2], f32[2] in [0, 4]"},
               [&] { function({Tensor::of<float>({4, -1})}); });
}

TEST(NanGuard, NamesTheOpInsideAFusedGather) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {2});
  const Value table = parameter(graph, "table", Tensor::of<float>({1, 4, -1, 9}, {4, 1}));
  const auto line = at_line(__LINE__ + 1);
  const Value y = log(gather(table, rows)) * 2.0 + 1.0;
  Session session(graph, {.compile = {.nan_guard = true}});
  Function function = session.compile({.inputs = {rows}, .outputs = {y}});
  function({Tensor::of<std::int32_t>({0, 3})});
  expect_error(ErrorCode::numeric, {line + ": log: a NaN came out", "f32[2, 1] in [-1, 1]"},
               [&] { function({Tensor::of<std::int32_t>({0, 2})}); });
}

TEST(NanGuard, LetsInfinitiesPass) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1});
  Session session(graph, {.compile = {.nan_guard = true}});
  Function function = session.compile({.inputs = {x}, .outputs = {log(x)}, .updates = {}});
  EXPECT_EQ(function({Tensor::of<float>({0.0F})})[0].item<float>(), -HUGE_VALF);
}

}  // namespace
}  // namespace weft
