#include "weft/frontends/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

std::multiset<double> rows_of_fold(const data::Fold& fold) {
  std::multiset<double> rows;
  for (const double row : numbers(fold.train)) rows.insert(row);
  for (const double row : numbers(fold.test)) rows.insert(row);
  return rows;
}

TEST(SelectRows, CopiesThemInOrder) {
  const Tensor x = Tensor::of<std::int32_t>({1, 2, 3, 4, 5, 6}, {3, 2});
  EXPECT_EQ(numbers(data::select_rows(x, Tensor::of<std::int64_t>({2, 0, 2}))), (Numbers{5, 6, 1, 2, 5, 6}));
  EXPECT_EQ(data::select_rows(x, Tensor::zeros(i32, {0})).sizes()[0], 0);
  expect_error(ErrorCode::out_of_range, {"select_rows", "row 3", "place 1", "[0, 3)"},
               [&] { data::select_rows(x, Tensor::of<std::int32_t>({0, 3})); });
  expect_error(ErrorCode::dtype_mismatch, {"f32[1]"}, [&] { data::select_rows(x, Tensor::of({1.0F})); });
}

TEST(Split, HasEveryRowOnce) {
  const data::Fold fold = data::split(10, 0.3, 7);
  EXPECT_EQ(fold.test.elements(), 3);
  EXPECT_EQ(rows_of_fold(fold), (std::multiset<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(numbers(data::split(10, 0.3, 7).test), numbers(fold.test));
  EXPECT_NE(numbers(data::split(10, 0.3, 8).test), numbers(fold.test));
  EXPECT_EQ(data::split(10, 0.001, 7).test.elements(), 1);
  EXPECT_EQ(data::split(10, 0.999, 7).train.elements(), 1);
  expect_error(ErrorCode::invalid_argument, {"split", "2 rows"}, [] { data::split(1, 0.5, 1); });
  expect_error(ErrorCode::invalid_argument, {"(0, 1)", "1"}, [] { data::split(4, 1.0, 1); });
}

TEST(SplitByLabel, TakesTheShareOfEach) {
  std::vector<std::int64_t> truth(50, 3);
  for (std::size_t i = 0; i < 10; ++i) truth[5 * i] = 1;
  const Tensor labels = Tensor::of(std::span<const std::int64_t>(truth));
  const data::Fold fold = data::split_by_label(labels, 0.2, 3);
  EXPECT_EQ(rows_of_fold(fold).size(), 50U);
  const Numbers of_test = numbers(data::select_rows(labels, fold.test));
  EXPECT_EQ(std::count(of_test.begin(), of_test.end(), 1.0), 2);
  EXPECT_EQ(std::count(of_test.begin(), of_test.end(), 3.0), 8);
  expect_error(ErrorCode::invalid_argument, {"split_by_label", "label 2 once"},
               [] { data::split_by_label(Tensor::of<std::int32_t>({1, 2, 1}), 0.5, 1); });
}

TEST(KFolds, TestWithEachRowOnce) {
  std::multiset<double> tested;
  for (const data::Fold& fold : data::k_folds(11, 3, 5)) {
    EXPECT_EQ(rows_of_fold(fold), (std::multiset<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
    EXPECT_GE(fold.test.elements(), 3);
    for (const double row : numbers(fold.test)) tested.insert(row);
  }
  EXPECT_EQ(tested, (std::multiset<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  expect_error(ErrorCode::invalid_argument, {"k_folds", "2 to 3", "4"}, [] { data::k_folds(3, 4, 1); });
}

}  // namespace
}  // namespace weft
