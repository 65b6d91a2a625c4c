#include "weft/frontends/verify/sample_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace weft::verify {
namespace {

/// FNV-1a, which gives the same number for a name on every machine; std::hash does not promise that.
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

SampleSource::SampleSource(std::uint64_t seed, std::string_view stream, SampleSize size)
    : numbers_(seed, stream_number(stream)), size_(size) {}

Sizes SampleSource::sizes(std::int64_t rank, std::int64_t most, std::int64_t least) {
  Sizes sizes(static_cast<std::size_t>(rank));
  for (std::int64_t& size : sizes) size = least + below(most - least + 1);
  return sizes;
}

Sizes SampleSource::shape(std::int64_t most_rank, std::int64_t least_rank) {
  // Few elements in every rank, so that the time of a check does not depend on it.
  constexpr std::array<std::int64_t, 6> kSmall{1, 6, 4, 3, 2, 2};
  constexpr std::array<std::int64_t, 6> kLarge{1, 300, 40, 12, 6, 4};
  const std::int64_t rank = least_rank + below(most_rank - least_rank + 1);
  const std::int64_t most =
      (size_ == SampleSize::small ? kSmall
                                  : kLarge)[static_cast<std::size_t>(std::min<std::int64_t>(rank, 5))];
  Sizes drawn = sizes(rank, most);
  for (std::int64_t& size : drawn) {
    if (below(6) == 0) size = 1;
    if (below(24) == 0) size = 0;
  }
  return drawn;
}

std::int64_t SampleSource::extent() { return 1 + below(size_ == SampleSize::small ? 4 : 40); }

Sizes SampleSource::broadcastable_to(Sizes sizes) {
  for (std::int64_t& size : sizes) {
    if (below(3) == 0) size = 1;
  }
  sizes.erase(sizes.begin(), sizes.begin() + below(static_cast<std::int64_t>(sizes.size()) + 1));
  return sizes;
}

Tensor SampleSource::uniform(const Sizes& sizes, double low, double high, DType dtype) {
  return fill(sizes, dtype, [&] { return number(low, high); });
}

Tensor SampleSource::away_from_zero(const Sizes& sizes, double low, double high, DType dtype) {
  return fill(sizes, dtype, [&] { return coin() ? number(low, high) : -number(low, high); });
}

Tensor SampleSource::between_integers(const Sizes& sizes) {
  return fill(sizes, f64, [&] { return static_cast<double>(below(6) - 3) + number(0.2, 0.8); });
}

Tensor SampleSource::near_integers(const Sizes& sizes) {
  return fill(sizes, f64, [&] { return static_cast<double>(below(5) - 2) + number(-0.2, 0.2); });
}

Tensor SampleSource::distinct(const Sizes& sizes) {
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

double SampleSource::extreme_number() {
  using Limits = std::numeric_limits<float>;
  constexpr double kOffset = 1e6;
  const double sign = coin() ? 1.0 : -1.0;
  switch (below(8)) {
    case 0:
      return sign * 0.0;
    case 1:
      return sign * number(1.0, 1e6) * static_cast<double>(Limits::denorm_min());
    case 2:
      return sign * std::exp2(number(-126.0, -20.0));
    case 3:
      return sign * std::exp2(number(20.0, 127.9));
    case 4:
      return sign * kOffset + number(-2.0, 2.0);
    case 5:
      return sign * static_cast<double>(coin() ? Limits::max() : Limits::infinity());
    case 6:
      return coin() ? std::numeric_limits<double>::quiet_NaN() : sign;
    default:
      return number(-110.0, 110.0);
  }
}

Tensor SampleSource::extreme(const Sizes& sizes, double low, double high, DType dtype) {
  constexpr double kNear = 4.0;
  return fill(sizes, dtype, [&] {
    const double x = static_cast<double>(static_cast<float>(extreme_number()));
    const bool inside = std::isnan(x) ? std::isinf(low) && std::isinf(high) : low <= x && x <= high;
    const double near = number(std::max(low, -kNear), std::min(high, kNear));
    return inside ? x : static_cast<double>(static_cast<float>(near));
  });
}

Tensor SampleSource::whole(const Sizes& sizes, std::int64_t bound, DType dtype) {
  return fill(sizes, dtype, [&] { return below(bound); });
}

}  // namespace weft::verify
