// A run that throws changes nothing, and the session goes on as if it had not been.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::same_bits;
using testing_support::TensorSource;

constexpr std::int64_t kFedRows = 12;
constexpr std::int64_t kClasses = 4;

/// An elementwise op that refuses negative numbers.
struct CheckedSqrt {
  static constexpr std::string_view name = "checked_sqrt";
  static constexpr Traits traits{.elementwise = true, .can_fail = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] < T{0}) throw Error(ErrorCode::out_of_range, "a negative number");
      y[i] = std::sqrt(x[i]);
    }
  }
  static constexpr NoGradient gradient{"the test needs none"};
};

/// A step that can fail, with updates that do not all depend on what fails.
struct FailingModel {
  FailingModel() {
    TensorSource source("failed runs");
    w = parameter(graph, "w", source.uniform({6, kClasses}, -1.0, 1.0, f32));
    b = parameter(graph, "b", source.uniform({kClasses}, -1.0, 1.0, f32));
    counter = parameter(graph, "counter", Tensor::of<float>({0}));
    x = input(graph, "x", f32, {kFedRows, 6});
    labels = input(graph, "labels", i64, {kFedRows});
    good = source.uniform({kFedRows, 6}, 0.0, 1.0, f32);
  }

  /// Updates in an order that puts those that cannot fail first.
  FunctionSpec with(const Value& loss) {
    const auto grads = gradients(loss, {w, b}, Unconnected::zeros);
    return {.inputs = {x, labels},
            .outputs = {loss},
            .updates = {assign(counter, counter + 1.0), assign(w, w - 0.1 * grads[0]),
                        assign(b, b - 0.1 * grads[1])}};
  }

  Graph graph;
  Value w, b, counter, x, labels;
  Tensor good;
};

struct FailureCase {
  std::string name;
  ErrorCode code;
  std::vector<std::string_view> parts;
  std::function<FunctionSpec(FailingModel&)> build;
  std::int64_t bad_label = 0;
  float bad_number = 0.5F;
};

const std::vector<FailureCase>& failures() {
  static const std::vector<FailureCase> cases{
      {"LabelTooLarge",
       ErrorCode::out_of_range,
       {"label", "4", "softmax_cross_entropy"},
       [](FailingModel& m) { return m.with(mean(softmax_cross_entropy(matmul(m.x, m.w) + m.b, m.labels))); },
       4},
      {"LabelNegative",
       ErrorCode::out_of_range,
       {"label", "-1", "softmax_cross_entropy"},
       [](FailingModel& m) { return m.with(mean(softmax_cross_entropy(matmul(m.x, m.w) + m.b, m.labels))); },
       -1},
      {"GatherIndex",
       ErrorCode::out_of_range,
       {"index", "12", "gather"},
       [](FailingModel& m) { return m.with(sum(matmul(gather(m.x, m.labels), m.w) + m.b)); },
       12},
      {"OneHotIndex",
       ErrorCode::out_of_range,
       {"7", "one_hot"},
       [](FailingModel& m) { return m.with(sum((matmul(m.x, m.w) + m.b) * one_hot(m.labels, kClasses))); },
       7},
      {"FailureThatNoUpdateNeeds",
       ErrorCode::out_of_range,
       {"index", "12", "gather"},
       [](FailingModel& m) {
         FunctionSpec spec = m.with(sum(matmul(m.x, m.w) + m.b));
         spec.outputs.push_back(gather(m.x, m.labels));
         return spec;
       },
       12},
      {"CustomOp",
       ErrorCode::out_of_range,
       {"checked_sqrt", "a negative number"},
       [](FailingModel& m) {
         FunctionSpec spec = m.with(sum(matmul(m.x, m.w) + m.b));
         spec.outputs.push_back(relu(apply(CheckedSqrt{}, m.x * 2.0)));
         return spec;
       },
       0,
       -0.5F},
  };
  return cases;
}

class FailedRun : public testing::TestWithParam<int> {};

TEST_P(FailedRun, ChangesNoParameterAndLeavesTheSessionUsable) {
  const int threads = GetParam();
  for (const FailureCase& failure : failures()) {
    for (const std::int64_t where : {std::int64_t{0}, kFedRows / 2, kFedRows - 1}) {
      SCOPED_TRACE(fmt::format("{} in row {}", failure.name, where));
      FailingModel model;
      const FunctionSpec spec = failure.build(model);
      Session session(model.graph, {.threads = threads, .exact_threads = true});
      Session untouched(model.graph, {.threads = threads, .exact_threads = true});
      Function step = session.compile(spec);
      Function other = untouched.compile(spec);
      const Tensor good_labels = Tensor::zeros(i64, {kFedRows});
      Tensor bad_labels = good_labels.clone();
      bad_labels.mutable_values<std::int64_t>()[static_cast<std::size_t>(where)] = failure.bad_label;
      Tensor bad_x = model.good.clone();
      bad_x.mutable_values<float>()[static_cast<std::size_t>(6 * where)] = failure.bad_number;
      for (int round = 0; round < 3; ++round) {
        step({model.good, good_labels});
        other({model.good, good_labels});
        try {
          step({bad_x, bad_labels});
          ADD_FAILURE() << "the run did not fail";
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), failure.code) << error.what();
          for (const std::string_view part : failure.parts) {
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
          }
          EXPECT_NE(error.trail().where.find("failed_run_test.cpp:"), std::string::npos) << error.what();
        }
        for (const auto& [label, state] : model.graph.states()) {
          EXPECT_TRUE(same_bits(session.value(label), untouched.value(label))) << label;
        }
      }
      const Tensor after = step({model.good, good_labels})[0];
      EXPECT_TRUE(same_bits(after, other({model.good, good_labels})[0]));
    }
  }
}

TEST_P(FailedRun, DoesNotMoveTheRandomPosition) {
  Graph graph;
  const Value x = input(graph, "x", f32, {kFedRows, 3});
  const Value rows = input(graph, "rows", i32, {kFedRows});
  const FunctionSpec spec{.inputs = {x, rows}, .outputs = {dropout(gather(x, rows), 0.5)}, .updates = {}};
  Session session(graph, {.threads = GetParam(), .exact_threads = true});
  Session untouched(graph, {.threads = GetParam(), .exact_threads = true});
  Function step = session.compile(spec);
  Function other = untouched.compile(spec);
  const Tensor ones = TensorSource("ones").uniform({kFedRows, 3}, 1.0, 1.0, f32);
  const Tensor good = Tensor::zeros(i32, {kFedRows});
  Tensor bad = good.clone();
  bad.mutable_values<std::int32_t>()[5] = kFedRows;
  for (int round = 0; round < 3; ++round) {
    expect_error(ErrorCode::out_of_range, {"12"}, [&] { step({ones, bad}); });
    EXPECT_TRUE(same_bits(step({ones, good})[0], other({ones, good})[0])) << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, FailedRun, testing::Values(1, 2, 3, 4), testing::PrintToStringParamName());

TEST(FailedRun, NamesThePositionOfARowWhicheverThreadReadsIt) {
  for (const SkipZeros skip_zeros : {SkipZeros::never, SkipZeros::always}) {
    Graph graph;
    const Value rows = input(graph, "rows", i32, {6});
    const Value x = gather(constant(graph, Tensor::zeros(u8, {10, 3})), rows);
    const Value w = parameter(graph, "w", Tensor::zeros(f32, {3, 2}));
    Session session(graph, {.threads = 3, .exact_threads = true, .compile = {.skip_zeros = skip_zeros}});
    Function function =
        session.compile({.inputs = {rows}, .outputs = {matmul(cast(x, f32), w)}, .updates = {}});
    expect_error(ErrorCode::out_of_range, {"index 10 at position 5 is out of range"},
                 [&] { function({Tensor::of<std::int32_t>({0, 1, 2, 3, 4, 10})}); });
  }
}

}  // namespace
}  // namespace weft
