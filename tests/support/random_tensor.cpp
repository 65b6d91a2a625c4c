#include "weft/tests/support/random_tensor.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>
#include <utility>

namespace weft::testing_support {
namespace {

/// FNV-1a: the same number for a name on every machine, which std::hash does not promise.
std::uint64_t stream_number(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3ULL;
  return hash;
}

template <typename Draw>
Tensor fill(const Sizes& sizes, DType dtype, Draw draw) {
  Tensor tensor = Tensor::uninitialized(dtype, sizes);
  visit_dtype(dtype, [&]<typename T>(T) {
    for (T& x : tensor.mutable_values<T>()) x = static_cast<T>(draw());
  });
  return tensor;
}

}  // namespace

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

TensorSource::TensorSource(std::string_view stream) : numbers_(test_seed(), stream_number(stream)) {}

Sizes TensorSource::sizes(std::int64_t rank, std::int64_t most, std::int64_t least) {
  Sizes sizes(static_cast<std::size_t>(rank));
  for (std::int64_t& size : sizes) size = least + below(most - least + 1);
  return sizes;
}

Sizes TensorSource::broadcastable_to(Sizes sizes) {
  for (std::int64_t& size : sizes) {
    if (below(3) == 0) size = 1;
  }
  sizes.erase(sizes.begin(), sizes.begin() + below(static_cast<std::int64_t>(sizes.size()) + 1));
  return sizes;
}

Tensor TensorSource::uniform(const Sizes& sizes, double low, double high, DType dtype) {
  return fill(sizes, dtype, [&] { return number(low, high); });
}

Tensor TensorSource::away_from_zero(const Sizes& sizes, double low, double high, DType dtype) {
  return fill(sizes, dtype, [&] { return coin() ? number(low, high) : -number(low, high); });
}

Tensor TensorSource::between_integers(const Sizes& sizes) {
  return fill(sizes, f64, [&] { return static_cast<double>(below(6) - 3) + number(0.2, 0.8); });
}

Tensor TensorSource::near_integers(const Sizes& sizes) {
  return fill(sizes, f64, [&] { return static_cast<double>(below(5) - 2) + number(-0.2, 0.2); });
}

Tensor TensorSource::distinct(const Sizes& sizes) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(checked_elements(sizes)));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
  }
  std::size_t next = 0;
  const double centre = static_cast<double>(order.size()) / 2.0;
  return fill(sizes, f64,
              [&] { return 0.1 * (static_cast<double>(order[next++]) - centre) + number(-0.025, 0.025); });
}

Tensor TensorSource::whole(const Sizes& sizes, std::int64_t bound, DType dtype) {
  return fill(sizes, dtype, [&] { return below(bound); });
}

}  // namespace weft::testing_support
