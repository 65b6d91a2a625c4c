#include "weft/runtime/machine/cache.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(Cache, TellsANearestOneOfWholeLines) {
  EXPECT_GE(nearest_cache(), 32'768U);
  EXPECT_EQ(nearest_cache() % kCacheLine, 0U);
}

}  // namespace
}  // namespace weft
