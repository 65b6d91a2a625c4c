#pragma once
// A pattern of the fuse stage, whether its rule rewrites it as expected, and whether its values stay.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "weft/graph/print.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {

/// Inputs of fixed shapes to write patterns with.
struct Inputs {
  explicit Inputs(DType dtype) : type(dtype) {
    TensorSource source("fuse inputs");
    const auto make = [&](const char* label, const std::vector<std::int64_t>& sizes) {
      feeds[label] = source.uniform(sizes, -1.0, 1.0, dtype);
      return input(graph, label, dtype, Shape::of(sizes));
    };
    a = make("a", {6, 5}), b = make("b", {5, 4}), c = make("c", {6, 4}), bias = make("bias", {4});
    column = make("column", {6, 1}), s = make("s", {}), one = make("one", {1}),
    cube = make("cube", {2, 6, 5});
  }
  Graph graph;
  DType type;
  Feeds feeds;
  Value a, b, c, bias, column, s, one, cube;
};

struct FusionCase {
  std::string name;
  Pass pass;
  std::function<std::vector<Value>(Inputs&)> build;
  std::vector<std::string> present;  // in the text of the fused program
  std::vector<std::string> absent;
};
inline void PrintTo(const FusionCase& fusion, std::ostream* out) { *out << fusion.name; }

using Roots = std::vector<Value>;

/// The rule makes the expected ops of the pattern and changes no result, in f32 and f64.
inline void expect_fusion(const FusionCase& fusion) {
  using testing::HasSubstr;
  using testing::Not;
  for (const DType dtype : {f32, f64}) {
    SCOPED_TRACE(name_of(dtype));
    Inputs in(dtype);
    const Program before = extract(in.graph, fusion.build(in));
    const Pass passes[] = {fusion.pass};
    const Program after = run_passes(extract(*before.graph, before.roots), passes);
    const std::string text = to_text(after);
    for (const std::string& part : fusion.present) EXPECT_THAT(text, HasSubstr(part));
    for (const std::string& part : fusion.absent) EXPECT_THAT(text, Not(HasSubstr(part)));
    const auto expected = evaluate_program(before, in.feeds);
    const auto actual = evaluate_program(after, in.feeds);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_TRUE(close_to(actual[i], expected[i], dtype == f32 ? 1e-6 : 1e-14)) << text;
    }
  }
}

}  // namespace weft::testing_support
