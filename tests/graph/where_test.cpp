#include "weft/graph/where.h"

#include <gtest/gtest.h>

#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;

Where place_of_the_call(Where where = Where::current()) { return where; }

TEST(Where, IsThePlaceOfTheCall) {
  EXPECT_EQ(to_string(place_of_the_call()), at_line(__LINE__));
  EXPECT_NE(place_of_the_call().function().find("TestBody"), std::string_view::npos);
  EXPECT_TRUE(Where().is_empty());
  EXPECT_EQ(to_string(Where()), "");
}

TEST(Where, KeepsTheStringsThatItIsMadeOf) {
  Where copy;
  {
    const std::string file = "/home/somebody/model.py";
    copy = Where(file, 17, std::string("build"));
  }
  EXPECT_EQ(copy.file(), "/home/somebody/model.py");
  EXPECT_EQ(copy.function(), "build");
  EXPECT_EQ(to_string(copy), "model.py:17");
  EXPECT_EQ(copy, Where("/home/somebody/model.py", 17, "build"));
  EXPECT_FALSE(copy == Where("/home/somebody/model.py", 18, "build"));
}

TEST(Where, OfAnotherLanguageStandsInErrorsAndNodes) {
  Graph graph;
  const Where line(std::string("model.py"), 3);
  const Value x = input(graph, "x", f32, {2}, line);
  EXPECT_EQ(to_string(graph.node(x.node()).where), "model.py:3");
  expect_error(ErrorCode::shape_mismatch, {"model.py:4"}, [&] {
    return add(Operand(x, Where(std::string("model.py"), 4)),
               constant(graph, Tensor::of({1.0F, 2.0F, 3.0F})));
  });
}

TEST(Where, OfAnOperatorIsTheLineOfItsOperands) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value sum = x + 1.0;
  EXPECT_EQ(to_string(graph.node(sum.node()).where), at_line(__LINE__ - 1));
}

}  // namespace
}  // namespace weft
