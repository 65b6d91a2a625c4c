#pragma once
// Random tensors to try ops on; the same seed gives the same tensors.

#include <cstdint>
#include <string_view>
#include <vector>

#include "weft/graph/philox.h"
#include "weft/graph/tensor.h"

namespace weft::verify {

using Sizes = std::vector<std::int64_t>;

/// How large the shapes are that `shape` draws: small if every element costs a run, otherwise large enough
/// for a fast kernel's main loop.
enum class SampleSize : std::uint8_t { small, large };

/// A stream of random tensors. Streams of one seed and different names are independent.
class SampleSource {
 public:
  SampleSource(std::uint64_t seed, std::string_view stream, SampleSize size = SampleSize::small);

  /// A number in [0, bound).
  std::int64_t below(std::int64_t bound) { return numbers_.below(static_cast<std::uint32_t>(bound)); }
  /// A number in [low, high).
  double number(double low, double high) {
    return low + (high - low) * static_cast<double>(numbers_.uniform());
  }
  bool coin() { return below(2) == 1; }
  /// `rank` sizes in [least, most].
  Sizes sizes(std::int64_t rank, std::int64_t most = 4, std::int64_t least = 1);
  /// A shape of any rank up to `most_rank` and at least `least_rank`; some axes have size 1 or 0.
  Sizes shape(std::int64_t most_rank = 5, std::int64_t least_rank = 0);
  /// One size of at least 1, as large as `shape` would draw for a matrix.
  std::int64_t extent();
  /// Sizes that broadcast to `sizes`: some are set to 1, and some leading ones are dropped.
  Sizes broadcastable_to(Sizes sizes);

  /// Floats in [low, high).
  Tensor uniform(const Sizes& sizes, double low = -1.0, double high = 1.0, DType dtype = f64);
  /// Floats with `low` <= |x| < `high`: for functions with a kink or a pole at 0.
  Tensor away_from_zero(const Sizes& sizes, double low = 0.1, double high = 2.0, DType dtype = f64);
  /// Floats no closer than 0.2 to an integer, between -3 and 3.
  Tensor between_integers(const Sizes& sizes);
  /// Floats no farther than 0.2 from an integer, between -3 and 3.
  Tensor near_integers(const Sizes& sizes);
  /// Floats that all differ by at least 0.05, in random order.
  Tensor distinct(const Sizes& sizes);
  /// Extreme numbers of f32 in [low, high]: zeros of both signs, denormals, tails, large offsets with small
  /// differences, the largest, infinities, and NaN where the bounds are infinite.
  Tensor extreme(const Sizes& sizes, double low, double high, DType dtype = f64);
  /// Whole numbers in [0, bound) of any dtype.
  Tensor whole(const Sizes& sizes, std::int64_t bound, DType dtype = i64);

 private:
  double extreme_number();

  PhiloxSequence numbers_;
  SampleSize size_;
};

}  // namespace weft::verify
