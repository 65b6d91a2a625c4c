// The paper's thirteen networks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "weft/frontends/mnist/configurations.h"
#include "weft/graph/error.h"

namespace weft::mnist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Configurations, AreThePapersThirteenInItsOrder) {
  std::vector<std::string> names;
  for (const Configuration& one : paper_configurations()) names.push_back(one.name);
  EXPECT_THAT(names,
              ElementsAre("784-100-10 tanh", "784-2x100-10 tanh", "784-3x100-10 tanh", "784-4x100-10 tanh",
                          "784-100-10 relu", "784-2x100-10 relu", "784-3x100-10 relu", "784-4x100-10 relu",
                          "784-64-10 relu", "784-128-10 relu", "784-256-10 relu", "784-512-10 relu",
                          "784-1024-10 relu"));
}

TEST(Configurations, AreFoundByName) {
  const Configuration& deep = configuration_named("784-3x100-10 tanh");
  EXPECT_EQ(deep.series, Series::depth);
  EXPECT_EQ(deep.activation, "tanh");
  EXPECT_THAT(deep.layers, ElementsAre(100, 100, 100));
  const Configuration& wide = configuration_named("784-512-10 relu");
  EXPECT_EQ(wide.series, Series::width);
  EXPECT_THAT(wide.layers, ElementsAre(512));
}

TEST(Configurations, AreNamedByTheErrorForAnUnknownOne) {
  try {
    configuration_named("784-5x100-10 relu");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_THAT(error.what(), HasSubstr("784-5x100-10 relu"));
    EXPECT_THAT(error.what(), HasSubstr("784-1024-10 relu"));
  }
}

}  // namespace
}  // namespace weft::mnist
