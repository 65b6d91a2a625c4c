#include "weft/graph/error.h"

#include <gtest/gtest.h>

#include <set>

namespace weft {
namespace {

TEST(Error, WritesItsWholeTrailOnOneLine) {
  const Error error(ErrorCode::shape_mismatch, "the inner dimensions differ",
                    {.op = "matmul",
                     .node = "dense1/matmul",
                     .expected = "[batch, 784]",
                     .actual = "[64, 10]",
                     .where = "model.cpp:17"});
  EXPECT_STREQ(
      error.what(),
      "model.cpp:17: matmul 'dense1/matmul': the inner dimensions differ; expected [batch, 784], got "
      "[64, 10]");
  EXPECT_EQ(error.code(), ErrorCode::shape_mismatch);
  EXPECT_EQ(error.message(), "the inner dimensions differ");
}

TEST(Error, LeavesOutWhatItDoesNotKnow) {
  EXPECT_STREQ(Error(ErrorCode::io, "disk full").what(), "disk full");
  EXPECT_STREQ(Error(ErrorCode::io, "disk full", {.node = "w"}).what(), "'w': disk full");
  EXPECT_STREQ(Error(ErrorCode::io, "disk full", {.op = "save", .node = "save"}).what(), "save: disk full");
  EXPECT_STREQ(Error(ErrorCode::io, "disk full", {.actual = "3"}).what(), "disk full; got 3");
  EXPECT_STREQ(Error(ErrorCode::io, "disk full", {.expected = "4"}).what(), "disk full; expected 4");
}

TEST(Error, TakesFromAnOuterLayerOnlyWhatIsStillEmpty) {
  const Error inner(ErrorCode::internal, "broken", {.op = "inner", .actual = "2"});
  const Error outer = inner.with({.op = "outer", .node = "n", .expected = "1", .where = "a.cpp:1"});
  EXPECT_EQ(outer.trail().op, "inner");
  EXPECT_EQ(outer.trail().node, "n");
  EXPECT_EQ(outer.trail().expected, "1");
  EXPECT_EQ(outer.trail().actual, "2");
  EXPECT_EQ(outer.trail().where, "a.cpp:1");
  EXPECT_EQ(outer.code(), ErrorCode::internal);
  EXPECT_STREQ(inner.what(), "inner: broken; got 2");
}

TEST(ErrorCode, HasANameForEachCode) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    names.insert(name_of(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorCode::internal) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(SourceLocation, IsWrittenWithoutItsFolders) {
  EXPECT_EQ(to_string(Where::current()), "error_test.cpp:" + std::to_string(__LINE__));
  EXPECT_EQ(to_string(Where()), "");
}

}  // namespace
}  // namespace weft
