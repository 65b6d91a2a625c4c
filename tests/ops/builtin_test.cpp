// What holds of every built-in op.

#include "weft/ops/builtin.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <vector>

namespace weft {
namespace {

std::vector<std::string_view> builtin_names() {
  std::vector<std::string_view> names;
  for_each_builtin([&]<typename O>() { names.push_back(O::name); });
  return names;
}

TEST(BuiltinOps, HaveNamesOfTheirOwn) {
  const auto names = builtin_names();
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
}

TEST(BuiltinOps, SayWhyTheyHaveNoGradient) {
  for_each_builtin([]<typename O>() {
    if constexpr (detail::HasNoGradient<O>) {
      EXPECT_FALSE(NoGradient(O::gradient).reason.empty()) << O::name;
    }
  });
}

TEST(BuiltinOps, HaveTraitsThatFitTheirForm) {
  for_each_builtin([]<typename O>() {
    const Op op{O{}};
    const Traits traits = op.traits();
    EXPECT_FALSE(traits.commutative && op.arity() != 2U) << O::name;
    EXPECT_FALSE(traits.elementwise && (traits.view || traits.row_wise)) << O::name;
    EXPECT_EQ(op.name(), O::name);
    EXPECT_TRUE(op.is<O>());
    EXPECT_EQ(op, Op{O{}});
  });
}

}  // namespace
}  // namespace weft
