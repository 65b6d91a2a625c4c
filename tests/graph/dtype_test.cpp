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
  bool is_integer;
};
constexpr std::array<Row, 6> kRows{{
    {f32, "f32", 4, true, false},
    {f64, "f64", 8, true, false},
    {i32, "i32", 4, false, true},
    {i64, "i64", 8, false, true},
    {u8, "u8", 1, false, true},
    {boolean, "bool", 1, false, false},
}};

TEST(DType, KnowsItsNameSizeAndKind) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(name_of(row.dtype), row.name);
    EXPECT_EQ(size_of(row.dtype), row.size);
    EXPECT_EQ(is_float(row.dtype), row.is_float);
    EXPECT_EQ(is_integer(row.dtype), row.is_integer);
  }
}

TEST(DType, BelongsToOneElementType) {
  static_assert(dtype_of<float>() == f32 && dtype_of<double>() == f64);
  static_assert(dtype_of<std::int32_t>() == i32 && dtype_of<std::int64_t>() == i64);
  static_assert(dtype_of<std::uint8_t>() == u8 && dtype_of<bool>() == boolean);
  static_assert(!Element<char> && !Element<std::uint32_t> && Element<bool>);
}

TEST(DType, VisitsTheElementTypeThatItStores) {
  for (const Row& row : kRows) {
    visit_dtype(row.dtype, [&]<typename T>(T) {
      EXPECT_EQ(dtype_of<T>(), row.dtype);
      EXPECT_EQ(sizeof(T), row.size);
    });
  }
}

TEST(DType, RejectsANumberOutsideTheEnumeration) {
  testing_support::expect_error(ErrorCode::internal, {"outside the enumeration"},
                                [] { visit_dtype(static_cast<DType>(99), [](auto) {}); });
}

}  // namespace
}  // namespace weft
