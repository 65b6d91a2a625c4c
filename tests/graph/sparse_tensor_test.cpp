#include "weft/graph/sparse_tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using testing_support::sizes_of;
using Numbers = std::vector<double>;
using Sizes = std::vector<std::int64_t>;

//  0 1 0 2
//  0 0 0 0
//  3 0 4 5
Tensor offsets() { return Tensor::of<std::int64_t>({0, 2, 2, 5}); }
Tensor columns() { return Tensor::of<std::int32_t>({1, 3, 0, 2, 3}); }
Tensor values() { return Tensor::of<float>({1, 2, 3, 4, 5}); }
SparseTensor small() { return SparseTensor::of({3, 4}, offsets(), columns(), values()); }

TEST(SparseTensor, HoldsWhatItWasMadeOfInTheSameMemory) {
  const Tensor stored = values();
  const SparseTensor x = SparseTensor::of({3, 4}, offsets(), columns(), stored);
  EXPECT_EQ(x.entries(), 5);
  EXPECT_EQ(x.capacity(), 5);
  EXPECT_EQ(x.dtype(), f32);
  EXPECT_EQ(x.values().data(), stored.data());
  EXPECT_EQ(numbers(x.to_dense()), (Numbers{0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 4, 5}));
  EXPECT_EQ(to_string(x), "sparse f32[3, 4] with 5 entries");
}

TEST(SparseTensor, ComesBackFromDenseAsItWas) {
  for (const DType dtype : {f32, f64, u8}) {
    Tensor dense = Tensor::zeros(dtype, {7, 11});
    visit_dtype(dtype, [&]<typename T>(T) {
      for (std::size_t i = 0; i < 77; i += 3) dense.mutable_values<T>()[i] = static_cast<T>(i + 1);
    });
    const SparseTensor x = SparseTensor::from_dense(dense);
    EXPECT_EQ(x.entries(), 26);
    EXPECT_TRUE(identical(x.to_dense(), dense)) << name_of(dtype);
  }
}

TEST(SparseTensor, TakesANanForAnEntryAndAMinusZeroForNone) {
  const SparseTensor x =
      SparseTensor::from_dense(Tensor::of<float>({-0.0F, std::nanf(""), 0.0F, 2.0F}, {1, 4}));
  EXPECT_EQ(x.columns().values<std::int32_t>()[0], 1);
  EXPECT_EQ(x.entries(), 2);
}

TEST(SparseTensor, MayBeEmptyInEveryWay) {
  for (const auto& sizes : {Sizes{0, 4}, Sizes{3, 0}, Sizes{0, 0}, Sizes{3, 4}}) {
    const SparseTensor x = SparseTensor::from_dense(Tensor::zeros(f64, sizes));
    EXPECT_EQ(x.entries(), 0);
    EXPECT_EQ(sizes_of(x.to_dense()), sizes);
    EXPECT_EQ(x.packed().entries(), 0);
    EXPECT_EQ(x.packed().capacity(), 1);
  }
}

TEST(SparseTensor, SharesItsEntriesWithItsRows) {
  const SparseTensor x = small();
  const SparseTensor part = x.rows(1, 2);
  EXPECT_EQ(part.sizes(), (std::array<std::int64_t, 2>{2, 4}));
  EXPECT_EQ(part.entries(), 3);
  EXPECT_EQ(part.capacity(), 5);
  EXPECT_EQ(part.columns().data(), x.columns().data());
  EXPECT_EQ(numbers(part.to_dense()), (Numbers{0, 0, 0, 0, 3, 0, 4, 5}));
  EXPECT_EQ(numbers(part.rows(1, 1).to_dense()), (Numbers{3, 0, 4, 5}));
  EXPECT_EQ(x.rows(3, 0).entries(), 0);
  expect_error(ErrorCode::out_of_range, {"2 rows from row 2"}, [&] { x.rows(2, 2); });
}

TEST(SparseTensor, PacksTheEntriesOfItsRowsAlone) {
  const SparseTensor packed = small().rows(2, 1).packed();
  EXPECT_EQ(packed.capacity(), 4);
  EXPECT_EQ(numbers(packed.begins()), Numbers{0});
  EXPECT_EQ(numbers(packed.ends()), Numbers{3});
  EXPECT_EQ(numbers(packed.values()), (Numbers{3, 4, 5, 0}));
  EXPECT_EQ(numbers(packed.to_dense()), (Numbers{3, 0, 4, 5}));
  EXPECT_EQ(small().packed(5).capacity(), 5);
  expect_error(ErrorCode::invalid_argument, {"do not fit", "at least 5", "got 4"}, [] { small().packed(4); });
}

TEST(SparseTensor, RefusesOffsetsThatAreNone) {
  const auto with = [](std::initializer_list<std::int64_t> wrong) {
    SparseTensor::of({3, 4}, Tensor::of<std::int64_t>(wrong), columns(), values());
  };
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  expect_error(ErrorCode::out_of_range, {"from 0 to 5", "from 1 to 5"}, [&] { with({1, 2, 2, 5}); });
  expect_error(ErrorCode::out_of_range, {"from 0 to 5", "from 0 to 4"}, [&] { with({0, 2, 2, 4}); });
  expect_error(ErrorCode::out_of_range, {"row 1", "outside of its entries", "[2, 1)"},
               [&] { with({0, 2, 1, 5}); });
  expect_error(ErrorCode::out_of_range, {"row 0", "[0, 5)", "[0, 9)"}, [&] { with({0, 9, 2, 5}); });
  expect_error(ErrorCode::out_of_range, {"row 1", std::to_string(kMost)}, [&] { with({0, 2, kMost, 5}); });
  expect_error(ErrorCode::out_of_range, {"row 0", "-3"}, [&] { with({0, -3, 2, 5}); });
  expect_error(ErrorCode::shape_mismatch, {"offsets", "[4]", "i64[3]"}, [&] { with({0, 2, 5}); });
}

TEST(SparseTensor, RefusesColumnsThatAreOutsideOrDoNotAscend) {
  const auto with = [](std::initializer_list<std::int32_t> wrong) {
    SparseTensor::of({3, 4}, offsets(), Tensor::of<std::int32_t>(wrong), values());
  };
  expect_error(ErrorCode::out_of_range, {"row 0", "entry 1", "[0, 4)", "above the one before, 1", "got 4"},
               [&] { with({1, 4, 0, 2, 3}); });
  expect_error(ErrorCode::out_of_range, {"row 0", "entry 0", "got -1"}, [&] { with({-1, 3, 0, 2, 3}); });
  expect_error(ErrorCode::out_of_range, {"row 2", "entry 3", "got 0"}, [&] { with({1, 3, 0, 0, 3}); });
  expect_error(ErrorCode::out_of_range, {"row 2", "entry 4", "above the one before, 2", "got 1"},
               [&] { with({1, 3, 0, 2, 1}); });
}

TEST(SparseTensor, RefusesOtherDTypesAndLengths) {
  expect_error(ErrorCode::dtype_mismatch, {"offsets", "i64", "i32"},
               [] { SparseTensor::of({3, 4}, Tensor::zeros(i32, {4}), columns(), values()); });
  expect_error(ErrorCode::dtype_mismatch, {"columns", "i32", "i64"},
               [] { SparseTensor::of({3, 4}, offsets(), Tensor::zeros(i64, {5}), values()); });
  expect_error(ErrorCode::dtype_mismatch, {"f32, f64 or u8", "i32"},
               [] { SparseTensor::of({3, 4}, offsets(), columns(), Tensor::zeros(i32, {5})); });
  expect_error(ErrorCode::shape_mismatch, {"values", "[5]", "f32[4]"},
               [] { SparseTensor::of({3, 4}, offsets(), columns(), Tensor::zeros(f32, {4})); });
  expect_error(ErrorCode::shape_mismatch, {"columns", "i32[5, 1]"},
               [] { SparseTensor::of({3, 4}, offsets(), columns().reshaped(Sizes{5, 1}), values()); });
  expect_error(ErrorCode::shape_mismatch, {"two axes", "f32[5]"}, [] { SparseTensor::from_dense(values()); });
  expect_error(ErrorCode::dtype_mismatch, {"f32, f64 or u8", "i64"},
               [] { SparseTensor::from_dense(Tensor::zeros(i64, {2, 2})); });
}

TEST(SparseTensor, RefusesSizesThatNothingCouldHold) {
  const Tensor none = Tensor::zeros(i32, {0});
  const auto of = [&](std::int64_t rows, std::int64_t width) {
    SparseTensor::of({rows, width}, Tensor::zeros(i64, {1}), none, Tensor::zeros(f32, {0}));
  };
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  expect_error(ErrorCode::invalid_argument, {"[-1, 4]"}, [&] { of(-1, 4); });
  expect_error(ErrorCode::invalid_argument, {"[0, -4]"}, [&] { of(0, -4); });
  expect_error(ErrorCode::invalid_argument, {"2147483647 columns", "[0, 2147483648]"},
               [&] { of(0, std::int64_t{1} << 31); });
  expect_error(ErrorCode::invalid_argument, {}, [&] { of(kMost, 0); });
  expect_error(ErrorCode::invalid_argument, {}, [&] { of(kMost - 1, 4); });
  expect_error(ErrorCode::shape_mismatch, {"offsets"}, [&] { of(7, 4); });
}

TEST(SparseTensor, RefusesOrHoldsWhateverItIsGiven) {
  PhiloxSequence random(testing_support::test_seed(), 7);
  const auto number = [&](std::uint32_t bound) { return static_cast<std::int64_t>(random.below(bound)); };
  int held = 0;
  for (int i = 0; i < 20'000; ++i) {
    Tensor at = Tensor::zeros(i64, {4});
    Tensor which = Tensor::zeros(i32, {number(4)});
    for (std::size_t r = 1; r < 4; ++r)
      at.mutable_values<std::int64_t>()[r] = number(5) - (number(9) == 0 ? 1 : 0);
    for (auto& column : which.mutable_values<std::int32_t>())
      column = static_cast<std::int32_t>(number(5) - 1);
    const Tensor stored = Tensor::zeros(u8, {which.elements()});
    try {
      const SparseTensor x = SparseTensor::of({3, 3}, at, which, stored);
      EXPECT_EQ(x.entries(), which.elements());
      EXPECT_EQ(x.to_dense().elements(), 9);
      ++held;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_range) << error.what();
    }
  }
  EXPECT_GT(held, 100);
}

}  // namespace
}  // namespace weft
