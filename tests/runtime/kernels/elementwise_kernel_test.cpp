#include <gtest/gtest.h>

#include <limits>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/source.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

struct ElementwiseCase {
  std::string name;
  Op op;
  std::vector<DType> inputs;
  double low = -3.0;
  double high = 3.0;
  double tolerance = 0.0;  // of the numbers; 0 means equal
};

void PrintTo(const ElementwiseCase& entry, std::ostream* out) { *out << entry.name; }

constexpr double kUlps = 1e-6;  // a few units in the last place of an f32

std::vector<ElementwiseCase> cases() {
  std::vector<ElementwiseCase> list;
  const auto unary = [&](const std::string& name, const Op& op, double low, double tolerance) {
    list.push_back({name, op, {f32}, low, 3.0, tolerance});
    list.push_back({name + "_f64", op, {f64}, low, 3.0, tolerance > 0.0 ? 1e-14 : 0.0});
  };
  unary("neg", Neg{}, -3.0, 0.0);
  unary("square", Square{}, -3.0, 0.0);
  unary("sqrt", Sqrt{}, 0.0, 0.0);
  unary("exp", Exp{}, -3.0, kUlps);
  unary("log", Log{}, 0.01, kUlps);
  unary("abs", Abs{}, -3.0, 0.0);
  unary("erf", Erf{}, -3.0, kUlps);
  unary("clip", Clip{.low = -1.0, .high = 0.5}, -3.0, 0.0);
  unary("tanh", Tanh{}, -3.0, kUlps);
  unary("relu", Relu{}, -3.0, 0.0);
  unary("sigmoid", Sigmoid{}, -3.0, kUlps);
  unary("leaky_relu", LeakyRelu{.alpha = 0.1}, -3.0, 0.0);
  unary("elu", Elu{}, -3.0, kUlps);
  unary("softplus", Softplus{}, -3.0, kUlps);
  const auto binary = [&](const std::string& name, const Op& op, const std::vector<DType>& dtypes) {
    for (const DType dtype : dtypes) {
      list.push_back({name + "_" + std::string(name_of(dtype)), op, {dtype, dtype}, 0.5, 9.0, kUlps});
    }
  };
  for (const auto& [name, op] : std::vector<std::pair<std::string, Op>>{{"add", Add{}},
                                                                        {"sub", Sub{}},
                                                                        {"mul", Mul{}},
                                                                        {"minimum", Minimum{}},
                                                                        {"maximum", Maximum{}},
                                                                        {"less", Less{}},
                                                                        {"less_equal", LessEqual{}},
                                                                        {"greater", Greater{}},
                                                                        {"greater_equal", GreaterEqual{}},
                                                                        {"equal", Equal{}},
                                                                        {"not_equal", NotEqual{}}}) {
    binary(name, op, {f32, f64, i32, i64, u8});
  }
  binary("div", Div{}, {f32, f64});
  binary("pow", Pow{}, {f32, f64});
  binary("equal", Equal{}, {boolean});
  list.push_back({"where_f32", Select{}, {boolean, f32, f32}});
  list.push_back({"where_f64", Select{}, {boolean, f64, f64}});
  list.push_back({"where_u8", Select{}, {boolean, u8, u8}, 0.0, 9.0});
  for (const DType from : {f32, f64, i32, i64, u8, boolean}) {
    for (const DType to : {f32, f64, i32, i64, u8, boolean}) {
      const std::string name = std::string(name_of(from)) + "_to_" + std::string(name_of(to));
      list.push_back({"cast_" + name, Cast{to}, {from}, 0.0, 100.0});
    }
  }
  return list;
}

Tensor random_input(TensorSource& source, const Sizes& sizes, DType dtype, double low, double high) {
  if (is_float(dtype)) return source.uniform(sizes, low, high, dtype);
  return source.whole(sizes, dtype == boolean ? 2 : 9, dtype);
}

/// Small shapes of every rank, and some that fill several tiles.
Sizes random_output(TensorSource& source) {
  static const std::vector<Sizes> large{{2500},      {3, 1000},   {1500, 2}, {40, 61},
                                        {7, 1, 300}, {5, 17, 33}, {1, 2049}};
  if (source.below(3) == 0) return large[static_cast<std::size_t>(source.below(7))];
  return source.sizes(source.below(5), 6, source.below(12) == 0 ? 0 : 1);
}

class ElementwiseKernel : public testing::TestWithParam<ElementwiseCase> {};

TEST_P(ElementwiseKernel, ComputesWhatTheReferenceDoes) {
  const ElementwiseCase& entry = GetParam();
  TensorSource source("elementwise kernel " + entry.name);
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Sizes sizes = random_output(source);
    const auto whole = static_cast<std::size_t>(source.below(static_cast<std::int64_t>(entry.inputs.size())));
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < entry.inputs.size(); ++i) {
      const bool same = i == whole || source.coin();
      inputs.push_back(random_input(source, same ? sizes : source.broadcastable_to(sizes), entry.inputs[i],
                                    entry.low, entry.high));
    }
    const KernelCheck check(entry.op, inputs);
    ASSERT_EQ(check.choice().name, "elementwise");
    check.expect_correct(entry.tolerance);
    ASSERT_FALSE(testing::Test::HasFailure()) << check.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ElementwiseKernel, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

/// Every way to read an operand in one chain.
Op random_chain(TensorSource& source, const Sizes& sizes, std::vector<Tensor>& inputs) {
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  Graph& graph = *program->graph;
  std::vector<Value> pool;
  const std::int64_t count = 1 + source.below(4);
  for (std::int64_t i = 0; i < count; ++i) {
    const Sizes input_sizes = i == 0 || source.coin() ? sizes : source.broadcastable_to(sizes);
    inputs.push_back(source.uniform(input_sizes, -2.0, 2.0, f32));
    pool.push_back(input(graph, "x" + std::to_string(i), f32, Shape::of(input_sizes)));
  }
  const Value first = pool[0];
  pool.push_back(constant(graph, 0.75, f32));
  const auto any = [&] {
    return pool[static_cast<std::size_t>(source.below(static_cast<std::int64_t>(pool.size())))];
  };
  // Compared early, chosen late; either choice ends in 0 where the comparison turns, so that rounding may
  // turn it.
  const Value product = any() * any();
  const Value other = any();
  const Value smaller = product < other;
  const Value difference = product - other;
  for (int i = 0; i < 8; ++i) {
    const Value a = any();
    const Value b = any();
    switch (source.below(7)) {
      case 0:
        pool.push_back(tanh(a));
        break;
      case 1:
        pool.push_back(a * b);
        break;
      case 2:
        pool.push_back(a - b);
        break;
      case 3:
        pool.push_back(where(a > b, a, b));
        break;
      case 4:
        pool.push_back(elu(a));
        break;
      case 5:
        pool.push_back(where(smaller, difference * a, difference * 0.5));
        break;
      default:
        pool.push_back(relu(a + b));
        break;
    }
  }
  program->roots = {first + pool.back()};
  return FusedElementwise{{program}};
}

TEST(ElementwiseKernel, ComputesWholeChains) {
  TensorSource source("elementwise chains");
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    std::vector<Tensor> inputs;
    const Sizes sizes = random_output(source);
    const Op op = random_chain(source, sizes, inputs);
    const KernelCheck check(op, inputs);
    ASSERT_EQ(check.choice().name, "elementwise");
    check.expect_correct(1e-5);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

/// A comparison is computed with the `where` that reads it: until then its operands are needed, though others
/// read them last.
TEST(ElementwiseKernel, KeepsWhatAComparisonReadsUntilItsWhere) {
  TensorSource source("kept operands");
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  const Value x = input(*program->graph, "x0", f32, Shape{50, 60});
  const Value compared = x * x;
  const Value smaller = compared < x;
  const Value last_reader = compared + x;
  const Value later = -last_reader;
  program->roots = {where(smaller, later, last_reader)};
  KernelCheck(FusedElementwise{.body = {program}}, {source.uniform({50, 60}, -2.0, 2.0, f32)})
      .expect_correct(0.0);
}

/// y_i = x + i for many i, all of which are there before their product begins.
TEST(ElementwiseKernel, DividesWhatWouldTakeTooManyRegisters) {
  TensorSource source("many values at a time");
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  const Value x = input(*program->graph, "x0", f32, Shape{3, 500});
  std::vector<Value> shifted;
  for (int i = 0; i < 50; ++i) shifted.push_back(x + 0.01 * i);
  Value product = x;
  for (const Value& value : shifted) product = product * value;
  program->roots = {where(product > 0.5, product, shifted.back())};
  const KernelCheck check(FusedElementwise{.body = {program}}, {source.uniform({3, 500}, 0.5, 1.0, f32)});
  EXPECT_EQ(check.choice().name, "elementwise");
  check.expect_correct(0.0);
}

TEST(ElementwiseKernel, MayOverwriteAnOperandThatLiesLikeTheOutput) {
  const Tensor matrix = TensorSource("in place").uniform({3, 4}, 1.0, 2.0, f32);
  const Tensor row = matrix.rows(0, 1);
  EXPECT_EQ(KernelCheck(Sub{}, {matrix, matrix}).choice().in_place,
            (std::vector<InPlace>{InPlace{0, 0}, InPlace{0, 1}}));
  EXPECT_EQ(KernelCheck(Sub{}, {matrix, row}).choice().in_place, (std::vector<InPlace>{InPlace{0, 0}}));
  EXPECT_EQ(KernelCheck(Sub{}, {row, matrix}).choice().in_place, (std::vector<InPlace>{InPlace{0, 1}}));
  // Another element size: the output's tile would run over what is still to be read.
  EXPECT_EQ(KernelCheck(Cast{f64}, {matrix}).choice().in_place, (std::vector<InPlace>{}));
  EXPECT_EQ(KernelCheck(Less{}, {matrix, matrix}).choice().in_place, (std::vector<InPlace>{}));
  // A reference kernel promises nothing for an output that is its input.
  EXPECT_EQ(KernelCheck(Elu{}, {matrix}).choice().in_place, (std::vector<InPlace>{}));
}

/// v' = 2 v + g, w' = w - v': two outputs, one of which reads the other.
FusedElementwise momentum_step(const Shape& shape) {
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  const Value v = input(*program->graph, "x0", f32, shape);
  const Value g = input(*program->graph, "x1", f32, shape);
  const Value w = input(*program->graph, "x2", f32, shape);
  const Value next = v + v + g;
  program->roots = {next, w - next};
  return {{program}};
}

TEST(ElementwiseKernel, WritesSeveralOutputsInOnePass) {
  TensorSource source("several outputs");
  const auto draw = [&] { return source.uniform({50, 60}, -1.0, 1.0, f32); };
  const KernelCheck check(momentum_step(Shape{50, 60}), {draw(), draw(), draw()});
  check.expect_correct(0.0);
  // Any output on any input: a chain reads all of them before it writes.
  EXPECT_EQ(check.choice().in_place, (std::vector<InPlace>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}}));
}

TEST(ElementwiseKernel, ReadsRowsOfATable) {
  TensorSource source("rows of a table");
  for (const std::int64_t width : {1, 7, 784, 1031, 2500}) {
    SCOPED_TRACE(width);
    const Shape picked{40, width};
    auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
    const Value beside = input(*program->graph, "x0", f32, Shape{1, width});
    const Value row = input(*program->graph, "x1", u8, picked);
    program->roots = {cast(row, f32) * beside};
    const FusedGather op{.body = {program}, .slot = 1};
    const Tensor table = source.uniform({90, width}, 0.0, 255.0, u8);
    const Tensor scale = source.uniform({1, width}, -1.0, 1.0, f32);
    for (const DType index : {i32, i64, u8}) {
      KernelCheck(op, {scale, table, source.uniform({40}, 0.0, 89.0, index)}).expect_correct(0.0);
    }
    const Tensor wrong =
        Tensor::of<std::int32_t>(std::vector<std::int32_t>(40, 90), std::vector<std::int64_t>{40});
    const KernelCheck outside(op, {scale, table, wrong});
    EXPECT_EQ(outside.choice().name, "elementwise");
    testing_support::expect_error(ErrorCode::out_of_range, {"index 90"}, [&] { outside.run(2); });
  }
}

TEST(ElementwiseKernel, KeepsNaNsAndInfinities) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::of<float>({nan, inf, -inf, -0.0F, 0.0F, 1.0F, nan, 5.0F, -5.0F, 1e-40F});
  const Tensor y = Tensor::of<float>({1.0F, nan, inf, 0.0F, -0.0F, nan, nan, inf, -inf, 0.0F});
  for (const Op& op : std::vector<Op>{Neg{}, Square{}, Abs{}, Relu{}, Exp{}, Tanh{}, Sigmoid{}, Erf{}}) {
    KernelCheck(op, {x}).expect_correct(kUlps);
  }
  for (const Op& op : std::vector<Op>{Add{}, Sub{}, Mul{}, Div{}, Minimum{}, Maximum{}, Less{}, LessEqual{},
                                      Greater{}, GreaterEqual{}, Equal{}, NotEqual{}}) {
    KernelCheck(op, {x, y}).expect_correct(0.0);
    KernelCheck(op, {y, x}).expect_correct(0.0);
  }
}

}  // namespace
}  // namespace weft
