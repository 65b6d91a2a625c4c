#include "weft/tests/support/random_tensor.h"

#include <fmt/format.h>

#include <cstdlib>
#include <random>

namespace weft::testing_support {

std::uint64_t test_seed() {
  static const std::uint64_t seed = [] {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): read once, before a test starts threads
    const char* given = std::getenv("WEFT_TEST_SEED");
    if (given == nullptr) return 1ULL;
    if (std::string_view(given) == "random") return static_cast<unsigned long long>(std::random_device{}());
    return std::strtoull(given, nullptr, 10);
  }();
  return seed;
}

std::string replay() { return fmt::format("replay with WEFT_TEST_SEED={}", test_seed()); }

}  // namespace weft::testing_support
