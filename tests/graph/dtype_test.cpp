#include "weft/graph/dtype.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::size_t size;
  bool is_float;
  bool is_half;
  bool is_integer;
  bool is_signed;
  bool is_index;
};
constexpr std::array<Row, 13> kRows{{
    {f32, "f32", 4, true, false, false, true, false},
    {f64, "f64", 8, true, false, false, true, false},
    {i32, "i32", 4, false, false, true, true, true},
    {i64, "i64", 8, false, false, true, true, true},
    {u8, "u8", 1, false, false, true, false, true},
    {boolean, "bool", 1, false, false, false, false, false},
    {i8, "i8", 1, false, false, true, true, false},
    {i16, "i16", 2, false, false, true, true, false},
    {u16, "u16", 2, false, false, true, false, false},
    {u32, "u32", 4, false, false, true, false, false},
    {u64, "u64", 8, false, false, true, false, false},
    {f16, "f16", 2, false, true, false, true, false},
    {bf16, "bf16", 2, false, true, false, true, false},
}};

TEST(DType, KnowsItsNameSizeAndKind) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(name_of(row.dtype), row.name);
    EXPECT_EQ(size_of(row.dtype), row.size);
    EXPECT_EQ(is_float(row.dtype), row.is_float);
    EXPECT_EQ(is_half(row.dtype), row.is_half);
    EXPECT_EQ(is_real(row.dtype), row.is_float || row.is_half);
    EXPECT_EQ(is_integer(row.dtype), row.is_integer);
    EXPECT_EQ(is_signed(row.dtype), row.is_signed);
    EXPECT_EQ(is_index(row.dtype), row.is_index);
    EXPECT_EQ(gradient_dtype(row.dtype), row.is_half ? f32 : row.dtype);
  }
}

TEST(DType, BelongsToOneElementType) {
  static_assert(dtype_of<float>() == f32 && dtype_of<double>() == f64);
  static_assert(dtype_of<std::int32_t>() == i32 && dtype_of<std::int64_t>() == i64);
  static_assert(dtype_of<std::uint8_t>() == u8 && dtype_of<bool>() == boolean);
  static_assert(dtype_of<std::int8_t>() == i8 && dtype_of<std::uint64_t>() == u64);
  static_assert(dtype_of<Float16>() == f16 && dtype_of<BFloat16>() == bf16);
  static_assert(!Element<char> && !Element<long double> && Element<bool>);
}

TEST(DType, VisitsTheElementTypeThatItStores) {
  for (const Row& row : kRows) {
    visit_dtype(row.dtype, [&]<typename T>(T) {
      EXPECT_EQ(dtype_of<T>(), row.dtype);
      EXPECT_EQ(sizeof(T), row.size);
    });
    visit_size(row.dtype, [&]<typename Bits>(Bits) { EXPECT_EQ(sizeof(Bits), row.size); });
  }
}

TEST(DType, RejectsANumberOutsideTheEnumeration) {
  testing_support::expect_error(ErrorCode::internal, {"outside the enumeration"},
                                [] { visit_dtype(static_cast<DType>(99), [](auto) {}); });
}

}  // namespace
}  // namespace weft
