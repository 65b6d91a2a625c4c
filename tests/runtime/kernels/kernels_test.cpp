// The kernels of sums, softmax, gather and of everything that runs by its reference.

#include <gtest/gtest.h>

#include "weft/ops/folds.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/runtime/ops/row_ops.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

struct SiteCase {
  std::string name;
  std::string_view kernel;
  Op op;
  std::vector<TensorType> inputs;
  double tolerance = 0.0;
};

void PrintTo(const SiteCase& entry, std::ostream* out) { *out << entry.name; }

constexpr double kF32 = 1e-5;
// A sum adds blocks of 64 numbers per lane in f32: what cancels leaves an error of the size of its blocks.
constexpr double kSumOfF32 = 5e-4;

std::vector<SiteCase> sum_cases() {
  std::vector<SiteCase> list;
  const std::vector<Shape> shapes{{},     {1},      {7},       {300},     {1, 5},      {6, 1},
                                  {4, 6}, {65, 70}, {3, 4, 5}, {1, 4, 6}, {6, 1, 4},   {4, 6, 1},
                                  {0},    {0, 3},   {3, 0},    {2, 0, 3}, {2, 3, 4, 5}};
  for (const Shape& shape : shapes) {
    const auto rank = static_cast<std::int64_t>(shape.rank());
    std::vector<Axes> choices{{}};
    for (std::int64_t first = 0; first < rank; ++first) {
      Axes axes;
      for (std::int64_t last = first; last < rank; ++last) {
        axes.push_back(last);
        choices.push_back(axes);
      }
    }
    for (const Axes& axes : choices) {
      for (const bool keep : {false, true}) {
        std::string name = "sum";
        for (const Dim& dim : shape) name += "_" + to_string(dim);
        name += "_axes";
        for (const std::int64_t axis : axes) name += "_" + std::to_string(axis);
        list.push_back({name + (keep ? "_kept" : ""), "sum", Sum{axes, keep}, {{f32, shape}}, kSumOfF32});
      }
    }
  }
  return list;
}

std::vector<SiteCase> other_cases() {
  const TensorType labels{i64, {9}};
  return {
      {"softmax_matrix", "softmax", Softmax{}, {{f32, {9, 10}}}, kF32},
      {"softmax_wide", "softmax", Softmax{}, {{f32, {5, 133}}}, kF32},
      {"softmax_cube", "softmax", Softmax{}, {{f32, {4, 3, 7}}}, kF32},
      {"softmax_vector", "softmax", Softmax{}, {{f32, {12}}}, kF32},
      {"softmax_one_class", "softmax", Softmax{}, {{f32, {4, 1}}}, kF32},
      {"softmax_nothing", "reference", Softmax{}, {{f32, {0, 4}}}},
      {"softmax_f64", "reference", Softmax{}, {{f64, {9, 10}}}},
      {"softmax_vector_f64", "reference", Softmax{}, {{f64, {12}}}},
      {"log_softmax", "log_softmax", LogSoftmax{}, {{f32, {9, 10}}}, kF32},
      {"log_softmax_vector", "log_softmax", LogSoftmax{}, {{f32, {12}}}, kF32},
      {"log_softmax_wide", "log_softmax", LogSoftmax{}, {{f32, {5, 133}}}, kF32},
      {"log_softmax_many_rows", "log_softmax", LogSoftmax{}, {{f32, {7, 11, 33}}}, kF32},
      {"log_softmax_f64", "reference", LogSoftmax{}, {{f64, {9, 10}}}},
      {"softmax_rows_of_a_register", "softmax", Softmax{}, {{f32, {40, 16}}}, kF32},
      {"softmax_many_rows", "softmax", Softmax{}, {{f32, {3, 5, 7, 64}}}, kF32},
      {"softmax_very_wide", "softmax", Softmax{}, {{f32, {2, 5000}}}, kF32},
      {"softmax_gradient", "softmax_gradient", SoftmaxGradient{}, {{f32, {9, 10}}, {f32, {9, 10}}}, kF32},
      {"softmax_gradient_wide",
       "softmax_gradient",
       SoftmaxGradient{},
       {{f32, {2, 5, 67}}, {f32, {2, 5, 67}}},
       kF32},
      {"softmax_gradient_vector", "softmax_gradient", SoftmaxGradient{}, {{f32, {64}}, {f32, {64}}}, kF32},
      {"cross_entropy", "softmax_cross_entropy", SoftmaxCrossEntropy{}, {{f32, {9, 10}}, labels}, kF32},
      {"cross_entropy_u8", "softmax_cross_entropy", SoftmaxCrossEntropy{}, {{f32, {9, 10}}, {u8, {9}}}, kF32},
      {"cross_entropy_i32",
       "softmax_cross_entropy",
       SoftmaxCrossEntropy{},
       {{f32, {9, 17}}, {i32, {9}}},
       kF32},
      {"cross_entropy_vector",
       "softmax_cross_entropy",
       SoftmaxCrossEntropy{},
       {{f32, {10}}, {i64, {}}},
       kF32},
      {"cross_entropy_cube",
       "softmax_cross_entropy",
       SoftmaxCrossEntropy{},
       {{f32, {4, 3, 10}}, {i64, {4, 3}}},
       kF32},
      {"cross_entropy_and_gradient",
       "softmax_cross_entropy",
       FusedCrossEntropy{},
       {{f32, {9, 10}}, labels, {f32, {9, 1}}},
       kF32},
      {"cross_entropy_and_gradient_one_scale",
       "softmax_cross_entropy",
       FusedCrossEntropy{},
       {{f32, {4, 3, 10}}, {i64, {4, 3}}, {f32, {}}},
       kF32},
      {"cross_entropy_and_gradient_vector",
       "softmax_cross_entropy",
       FusedCrossEntropy{},
       {{f32, {10}}, {i64, {}}, {f32, {1}}},
       kF32},
      {"cross_entropy_f64", "reference", SoftmaxCrossEntropy{}, {{f64, {9, 10}}, labels}},
      {"cross_entropy_vector_f64", "reference", SoftmaxCrossEntropy{}, {{f64, {10}}, {i64, {}}}},
      {"gather", "gather", Gather{}, {{f32, {10, 3}}, labels}},
      {"gather_u8_rows", "gather", Gather{}, {{u8, {10, 28}}, {i32, {9}}}},
      {"gather_scalars", "gather", Gather{}, {{f64, {10}}, {u8, {9}}}},
      {"gather_cube", "gather", Gather{}, {{boolean, {10, 2, 3}}, labels}},
      {"gather_nothing", "gather", Gather{}, {{f32, {10, 3}}, {i64, {0}}}},
      {"gather_empty_rows", "reference", Gather{}, {{f32, {10, 0}}, labels}},
      {"gather_by_matrix", "gather", Gather{}, {{f32, {10, 3}}, {i64, {2, 4}}}},
      {"gather_by_one_row", "gather", Gather{}, {{f64, {10, 3}}, {i32, {1, 4}}}},
      {"gather_by_scalar", "gather", Gather{}, {{f32, {10, 3}}, {u8, {}}}},
      {"scatter_add", "scatter_add", ScatterAdd{{10, 2}}, {{f32, {9, 2}}, labels}},
      {"scatter_add_f64", "scatter_add", ScatterAdd{{10, 2, 3}}, {{f64, {4, 9, 2, 3}}, {u8, {4, 9}}}},
      {"scatter_add_numbers", "scatter_add", ScatterAdd{{10}}, {{f32, {300}}, {i32, {300}}}},
      {"scatter_add_of_nothing", "scatter_add", ScatterAdd{{10, 2}}, {{f32, {0, 2}}, {i64, {0}}}},
      {"scatter_add_into_nothing", "reference", ScatterAdd{{10, 0}}, {{f32, {9, 0}}, labels}},
      {"one_hot", "one_hot", OneHot{10, f32}, {labels}},
      {"one_hot_scalar", "one_hot", OneHot{10, f32}, {{i64, {}}}},
      {"one_hot_matrix", "one_hot", OneHot{10, f64}, {{u8, {3, 4}}}},
      {"one_hot_row", "one_hot", OneHot{10, boolean}, {{u8, {1, 7}}}},
      {"sum_sides", "sum", Sum{{0, 2}, false}, {{f32, {3, 4, 5}}}, kF32},
      {"sum_channels", "sum", Sum{{0, 2, 3}, false}, {{f32, {5, 9, 7, 11}}}, kSumOfF32},
      {"sum_batches", "sum", Sum{{0, 1, 3}, false}, {{f32, {2, 3, 9, 7}}}, kSumOfF32},
      {"sum_no_channels", "sum", Sum{{0, 2}, false}, {{f32, {3, 0, 5}}}},
      {"sum_sides_of_nothing", "sum", Sum{{0, 2}, false}, {{f32, {3, 4, 0}}}},
      {"sum_accumulate",
       "sum_accumulate",
       SumAccumulate{{0}, -0.25},
       {{f32, {9}}, {f32, {70, 9}}},
       kSumOfF32},
      {"scatter_accumulate",
       "scatter_accumulate",
       ScatterAccumulate{-0.25},
       {{f32, {12, 5}}, {f32, {30, 5}}, {i32, {30}}},
       kSumOfF32},
      {"scatter_accumulate_f64",
       "scatter_accumulate",
       ScatterAccumulate{0.5},
       {{f64, {12}}, {f64, {2, 3}}, {i64, {2, 3}}},
       1e-15},
      {"scatter_accumulate_nothing",
       "scatter_accumulate",
       ScatterAccumulate{},
       {{f32, {12, 5}}, {f32, {0, 5}}, {u8, {0}}}},
      {"sum_equal_rows", "sum_equal_rows", SumEqualRows{}, {{f32, {30, 5}}, {i32, {30}}}},
      {"sum_equal_rows_f64", "sum_equal_rows", SumEqualRows{}, {{f64, {2, 9, 3}}, {u8, {2, 9}}}},
      {"sum_equal_rows_of_nothing", "reference", SumEqualRows{}, {{f32, {0, 5}}, {i32, {0}}}},
      {"replace_rows", "replace_rows", ReplaceRows{}, {{f32, {12, 5}}, {f32, {30, 5}}, {i32, {30}}}},
      {"replace_rows_whole",
       "replace_rows",
       ReplaceRows{},
       {{i32, {12, 2}}, {i32, {2, 3, 2}}, {i64, {2, 3}}}},
      {"replace_no_rows", "replace_rows", ReplaceRows{}, {{f32, {12, 5}}, {f32, {0, 5}}, {u8, {0}}}},
      {"sum_accumulate_wide",
       "sum_accumulate",
       SumAccumulate{{0}, 0.5},
       {{f32, {300}}, {f32, {7, 300}}},
       kSumOfF32},
      {"sum_accumulate_two",
       "sum_accumulate",
       SumAccumulate{{0, 1}},
       {{f32, {5}}, {f32, {3, 4, 5}}},
       kSumOfF32},
      {"sum_accumulate_rows",
       "sum_accumulate",
       SumAccumulate{{0}},
       {{f32, {4, 5}}, {f32, {3, 4, 5}}},
       kSumOfF32},
      {"sum_accumulate_one", "sum_accumulate", SumAccumulate{{0}}, {{f32, {1}}, {f32, {70, 1}}}, kSumOfF32},
      {"sum_accumulate_nothing",
       "sum_accumulate",
       SumAccumulate{{0}},
       {{f32, {3}}, {f32, {0, 3}}},
       kSumOfF32},
      {"sum_accumulate_middle",
       "sum_accumulate",
       SumAccumulate{{1}, -0.25},
       {{f32, {3, 20}}, {f32, {3, 70, 20}}},
       kSumOfF32},
      {"sum_accumulate_last", "sum_accumulate", SumAccumulate{{1}}, {{f32, {3}}, {f32, {3, 70}}}, kSumOfF32},
      {"sum_accumulate_f64", "reference", SumAccumulate{{0}}, {{f64, {3}}, {f64, {2, 3}}}},
      {"sum_sides_kept", "sum", Sum{{0, 2}, true}, {{f32, {3, 4, 5}}}, kF32},
      {"sum_every_other", "sum", Sum{{0, 2}, false}, {{f32, {3, 4, 5, 6}}}, kF32},
      {"sum_others", "sum", Sum{{1, 3}, true}, {{f32, {9, 4, 5, 70}}}, kSumOfF32},
      {"sum_two_kept", "sum", Sum{{0, 3}, false}, {{f32, {3, 4, 5, 6}}}, kF32},
      {"sum_one_row", "sum", Sum{{1, 3}, false}, {{f32, {1, 4, 7, 6}}}, kF32},
      {"sum_many_columns", "sum", Sum{{0, 2}, false}, {{f32, {20, 2, 30, 5000}}}, kSumOfF32},
      {"sum_f64", "sum", Sum{{0}, false}, {{f64, {3, 4}}}, 1e-14},
      {"sum_rows_f64", "sum", Sum{{0, 2}, true}, {{f64, {3, 4, 70}}}, 1e-13},
      {"sum_i32", "sum", Sum{{}, false}, {{i32, {3, 4}}}},
      {"sum_u8", "sum", Sum{{0}, false}, {{u8, {300, 4}}}},
      {"mean", "mean", Mean{{}, false}, {{f32, {3, 4, 70}}}, kSumOfF32},
      {"mean_last", "mean", Mean{{1}, true}, {{f32, {6, 300}}}, kSumOfF32},
      {"mean_few_rows", "mean", Mean{{0}, false}, {{f32, {20, 70}}}, kSumOfF32},
      {"mean_many_rows", "mean", Mean{{0}, false}, {{f32, {300, 70}}}, kSumOfF32},
      {"mean_sides", "mean", Mean{{0, 2}, true}, {{f32, {3, 4, 5, 6}}}, kSumOfF32},
      {"mean_f64", "mean", Mean{{1}, false}, {{f64, {3, 40}}}, 1e-14},
      {"mean_rows_f64", "mean", Mean{{0, 2}, true}, {{f64, {3, 4, 70}}}, 1e-13},
      {"max", "max", Max{{1}, true}, {{f32, {3, 4}}}},
      {"max_rows", "max", Max{{0, 2}, false}, {{f32, {9, 3, 133}}}},
      {"max_columns", "max", Max{{0}, false}, {{f64, {9, 133}}}},
      {"max_between", "max", Max{{1}, false}, {{i32, {3, 9, 5}}}},
      {"max_u8", "max", Max{{}, false}, {{u8, {1000}}}},
      {"max_i64", "max", Max{{2}, false}, {{i64, {4, 3, 40}}}},
      {"max_of_nothing", "max", Max{{1}, false}, {{f32, {4, 0}}}},
      {"min", "min", Min{{0, 2}, false}, {{f32, {9, 3, 133}}}},
      {"min_columns", "min", Min{{0}, true}, {{i64, {9, 133}}}},
      {"min_u8", "min", Min{{1}, false}, {{u8, {5, 100}}}},
      {"min_of_nothing", "min", Min{{1}, false}, {{f64, {4, 0}}}},
      {"prod", "prod", Prod{{1}, false}, {{f32, {9, 12, 5}}}, kF32},
      {"prod_rows", "prod", Prod{{0, 2}, true}, {{i32, {3, 4, 5}}}},
      {"argmax", "argmax", ArgMax{1}, {{f32, {9, 100}}}},
      {"argmax_columns", "argmax", ArgMax{0}, {{f64, {9, 100}}}},
      {"argmax_between", "argmax", ArgMax{1}, {{u8, {4, 5, 33}}}},
      {"argmax_vector", "argmax", ArgMax{0}, {{i32, {70}}}},
      {"copy", "copy", Copy{}, {{f32, {9, 2}}}},
  };
}

class ListedKernel : public testing::TestWithParam<SiteCase> {};

TEST_P(ListedKernel, ComputesWhatTheReferenceDoes) {
  const SiteCase& site = GetParam();
  TensorSource source("kernel " + site.name);
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    std::vector<Tensor> inputs;
    for (const TensorType& type : site.inputs) {
      const Sizes sizes = type.shape.sizes();
      inputs.push_back(is_float(type.dtype)
                           ? source.uniform(sizes, -2.0, 2.0, type.dtype)
                           : source.whole(sizes, type.dtype == boolean ? 2 : 10, type.dtype));
    }
    const KernelCheck check(site.op, inputs);
    EXPECT_EQ(check.choice().name, site.kernel);
    check.expect_correct(site.tolerance);
    ASSERT_FALSE(testing::Test::HasFailure()) << check.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(Sums, ListedKernel, testing::ValuesIn(sum_cases()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Others, ListedKernel, testing::ValuesIn(other_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(Kernels, SumsOfManyNumbersStayAccurate) {
  TensorSource source("long sums");
  const Tensor x = source.uniform({200'000}, 0.0, 1.0, f32);
  KernelCheck(Sum{}, {x}).expect_correct(1e-6);
  const std::int64_t tall[] = {20'000, 10};
  KernelCheck(Sum{{0}, false}, {x.reshaped(tall)}).expect_correct(2e-6);
}

TEST(Kernels, SoftmaxOfLargeLogitsDoesNotOverflow) {
  const Tensor x = Tensor::of<float>({1000, 1001, -1000, 88, -1e30F, 3e38F, 0, 1}, {2, 4});
  KernelCheck(Softmax{}, {x}).expect_correct(kF32);
  // The loss is a difference of numbers near 1000, of which an f32 holds four decimals.
  KernelCheck(SoftmaxCrossEntropy{}, {x, Tensor::of<std::int64_t>({0, 1})}).expect_correct(1e-4);
}

TEST(Kernels, CheckEveryIndexOfTheirPart) {
  const Tensor table = Tensor::zeros(f32, {10, 3});
  const Tensor logits = Tensor::zeros(f32, {4, 10});
  for (std::size_t bad = 0; bad < 4; ++bad) {
    for (const std::int64_t index : {std::int64_t{-1}, std::int64_t{10}, std::int64_t{1} << 40}) {
      Tensor indices = Tensor::zeros(i64, {4});
      indices.mutable_values<std::int64_t>()[bad] = index;
      for (const int shards : {1, 2, 4}) {
        const std::string text = std::to_string(index);
        expect_error(ErrorCode::out_of_range, {text},
                     [&] { KernelCheck(Gather{}, {table, indices}).run(shards); });
        expect_error(ErrorCode::out_of_range, {text},
                     [&] { KernelCheck(SoftmaxCrossEntropy{}, {logits, indices}).run(shards); });
      }
    }
  }
}

TEST(Kernels, TheReferenceComesLastAndTakesEverything) {
  ASSERT_FALSE(kernel_list().empty());
  EXPECT_EQ(kernel_list().back().name, "reference");
  const TensorType type{f32, {3, 4}};
  const TensorType types[] = {type, type};
  EXPECT_EQ(choose_kernel({.op = Add{}, .inputs = types, .outputs = {&type, 1}}, true).name, "reference");
  EXPECT_EQ(choose_kernel({.op = Add{}, .inputs = types, .outputs = {&type, 1}}, false).name, "elementwise");
  const std::string left_out[] = {"elementwise", "reference"};
  const KernelSite site{.op = Add{}, .inputs = types, .outputs = {&type, 1}};
  EXPECT_EQ(choose_kernel(site, false, {}, left_out).name, "reference");
}

TEST(Kernels, SharesCoverAllRowsOnce) {
  for (const std::int64_t extent : {0, 1, 2, 3, 7, 64, 1000}) {
    for (const int shards : {1, 2, 3, 4, 9}) {
      std::int64_t next = 0;
      for (int shard = 0; shard < shards; ++shard) {
        const Range range = share(extent, shards, shard);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.end - range.begin, (extent + shards - 1) / shards);
        next = range.end;
      }
      EXPECT_EQ(next, extent);
    }
  }
}

}  // namespace
}  // namespace weft
