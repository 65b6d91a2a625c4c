// An op of a user's that throws, whatever it throws and without having said that it can: nothing changes.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <stdexcept>

#include "weft/ops/builtin.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/own_kernel.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::same_bits;
using testing_support::TensorSource;

struct OddException {
  int number = 0;
};

/// What kernels throw, and at which of their calls.
struct Trouble {
  int kind = 0;  // 0: none
  int calls_before = 0;
  std::atomic<int> calls{0};

  void plan(int new_kind, int before) {
    kind = new_kind;
    calls_before = before;
    calls = 0;
  }
  void look() {
    if (kind == 0 || calls.fetch_add(1) < calls_before) return;
    switch (kind) {
      case 1:
        throw Error(ErrorCode::out_of_range, "from the kernel");
      case 2:
        throw std::runtime_error("from the kernel");
      case 3:
        throw std::bad_alloc();
      case 4:
        throw 42;
      case 5:
        throw OddException{7};
      default:
        throw "a text";
    }
  }
};
constexpr int kKinds = 6;
Trouble trouble;

/// Which kind of exception `action` throws, if what it says is right; 0 for none.
template <typename F>
int kind_thrown(F action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code() == ErrorCode::out_of_range && error.message() == "from the kernel" ? 1 : -1;
  } catch (const std::runtime_error& error) {
    return std::strcmp(error.what(), "from the kernel") == 0 ? 2 : -1;
  } catch (const std::bad_alloc&) {
    return 3;
  } catch (int number) {
    return number == 42 ? 4 : -1;
  } catch (const OddException& odd) {
    return odd.number == 7 ? 5 : -1;
  } catch (const char* text) {
    return std::strcmp(text, "a text") == 0 ? 6 : -1;
  }
  return 0;
}

template <typename T>
void copy_or_throw(std::span<const T> x, std::span<T> y) {
  trouble.look();
  std::ranges::copy(x, y.begin());
}

struct SilentCopy {  // y = x; says nothing of itself
  static constexpr std::string_view name = "silent_copy";
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    copy_or_throw(x, y);
  }
  Value gradient(Value, Value, Value dy) const { return dy; }
};

struct SilentElementwise {  // the same, element by element
  static constexpr std::string_view name = "silent_elementwise";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    copy_or_throw(x, y);
  }
  Value gradient(Value, Value, Value dy) const { return dy; }
};

struct HonestCopy {
  static constexpr std::string_view name = "honest_copy";
  static constexpr Traits traits{.can_fail = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    copy_or_throw(x, y);
  }
  Value gradient(Value, Value, Value dy) const { return dy; }
};

/// By a kernel of the caller's for a built-in op.
Value own_tanh(const Value& x) { return tanh(x); }

struct ThrowingOp {
  const char* name;
  Value (*apply)(const Value& x);
  KernelOffer kernel = nullptr;
};

constexpr std::int64_t kRows = 24;

/// Six parameters, all updated; the op stands on the way to one or two of the updates, or to an output alone.
struct ThrowingModel {
  ThrowingModel(const ThrowingOp& op, int place) {
    x = input(graph, "x", f32, {kRows, 8});
    TensorSource source("throwing ops");
    for (const char* label : {"a", "b", "c", "d", "e", "f"})
      parameters.push_back(parameter(graph, label, source.uniform({kRows, 8}, -1.0, 1.0, f32)));
    const Value bad = op.apply(place == 0 ? x : place == 1 ? parameters[5] + x : x * 2.0);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const bool own = place == 2 && i == 4;
      const bool last = i == 5 && place != 3;
      spec.updates.push_back(assign(parameters[i], last  ? bad
                                                   : own ? op.apply(parameters[i] + x)
                                                         : parameters[i] + x));
    }
    spec.inputs = {x};
    spec.outputs = {sum(bad), random_uniform(graph, f32, {5})};
  }
  Graph graph;
  Value x;
  std::vector<Value> parameters;
  FunctionSpec spec;
};

class ThrowingOps : public testing::TestWithParam<int> {};

TEST_P(ThrowingOps, ChangeNothingWhateverTheyThrow) {
  const ThrowingOp ops[] = {
      {"SilentCopy", [](const Value& x) { return apply(SilentCopy{}, x); }},
      {"SilentElementwise", [](const Value& x) { return apply(SilentElementwise{}, x); }},
      {"HonestCopy", [](const Value& x) { return apply(HonestCopy{}, x); }},
      {"OwnKernel", own_tanh, testing_support::own_kernel<Tanh, copy_or_throw<float>>},
  };
  const Tensor fed = TensorSource("throwing ops, fed").uniform({kRows, 8}, -1.0, 1.0, f32);
  int thrown = 0;
  for (const ThrowingOp& op : ops) {
    for (int place = 0; place < 4; ++place) {
      SCOPED_TRACE(fmt::format("{} at place {}", op.name, place));
      trouble.plan(0, 0);
      ThrowingModel model(op, place);
      CompileOptions compile;
      if (op.kernel != nullptr) {
        compile.kernels = {{"throwing_tanh", op.kernel}};
        compile.fuse_elementwise = false;  // so that it is there
      }
      const SessionOptions options{.threads = GetParam(), .exact_threads = true, .compile = compile};
      Session session(model.graph, options);
      Session untouched(model.graph, options);
      Function step = session.compile(model.spec);
      Function other = untouched.compile(model.spec);
      step({fed});
      other({fed});
      for (int kind = 1; kind <= kKinds; ++kind) {
        for (const int before : {0, 2}) {
          trouble.plan(kind, before);
          const int seen = kind_thrown([&] { step({fed}); });
          trouble.plan(0, 0);
          if (seen == 0) {
            other({fed});  // the call was not reached, so this step happened
          } else {
            ++thrown;
            EXPECT_EQ(seen, kind);
          }
          for (const auto& [label, state] : model.graph.states()) {
            ASSERT_TRUE(same_bits(session.value(label), untouched.value(label)))
                << label << ", kind " << kind << ", after " << before << " calls";
          }
        }
      }
      EXPECT_TRUE(same_bits(step({fed})[1], other({fed})[1])) << "the random position";
    }
  }
  EXPECT_GE(thrown, 4 * 4 * kKinds);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThrowingOps, testing::Values(1, 2, 3), testing::PrintToStringParamName());

struct PromisedCopy {  // y = x, and never throws
  static constexpr std::string_view name = "promised_copy";
  static constexpr Traits traits{.elementwise = true, .can_fail = false};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    std::ranges::copy(x, y.begin());
  }
  Value gradient(Value, Value, Value dy) const { return dy; }
};

/// How many steps and how much memory an update through `op` takes.
std::pair<std::size_t, std::size_t> cost_of_update(const std::function<Value(const Value&)>& op) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {64}));
  Session session(graph);
  const auto made = session.inspect({.updates = {assign(w, op(w * 2.0))}}, {});
  return {made.schedule.order.size(), made.arena.bytes};
}

TEST(Ops, ThatPromiseNotToThrowCostAnUpdateNothing) {
  using Cost = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(cost_of_update([](const Value& x) { return tanh(x); }), (Cost{1, 0}));
  EXPECT_EQ(cost_of_update([](const Value& x) { return apply(PromisedCopy{}, x); }), (Cost{1, 0}));
  EXPECT_GT(cost_of_update([](const Value& x) { return apply(SilentElementwise{}, x); }).second, 0U);
}

TEST(KernelCanFail, OfBuiltInOpsWhereTheySayAndOfOthersUnlessTheyDeny) {
  EXPECT_FALSE(kernel_can_fail(Tanh{}));
  EXPECT_FALSE(kernel_can_fail(MatMul{}));
  EXPECT_TRUE(kernel_can_fail(SoftmaxCrossEntropy{}));
  EXPECT_TRUE(kernel_can_fail(SilentCopy{}));
  EXPECT_TRUE(kernel_can_fail(SilentElementwise{}));
  EXPECT_TRUE(kernel_can_fail(HonestCopy{}));
  EXPECT_FALSE(kernel_can_fail(PromisedCopy{}));
  EXPECT_FALSE(kernel_can_fail(Copy{})) << "weft's own internal ops say so too";
}

}  // namespace
}  // namespace weft
