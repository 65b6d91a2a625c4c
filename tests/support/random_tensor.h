#pragma once
// Random tensors for tests. All of them come from one seed: WEFT_TEST_SEED if it is set, a fresh one for each
// process if that is "random", else 1. A random test prints the seed where it fails
// (`SCOPED_TRACE(replay())`), and running it again with that seed brings the same numbers back.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/philox.h"
#include "weft/graph/tensor.h"

namespace weft::testing_support {

using Sizes = std::vector<std::int64_t>;

/// The seed of this process.
std::uint64_t test_seed();
/// "replay with WEFT_TEST_SEED=123".
std::string replay();

/// A stream of random tensors. Streams of different names are independent.
class TensorSource {
 public:
  explicit TensorSource(std::string_view stream);

  /// A number in [0, bound).
  std::int64_t below(std::int64_t bound) { return numbers_.below(static_cast<std::uint32_t>(bound)); }
  /// A number in [low, high).
  double number(double low, double high) {
    return low + (high - low) * static_cast<double>(numbers_.uniform());
  }
  bool coin() { return below(2) == 1; }
  /// `rank` sizes in [least, most].
  Sizes sizes(std::int64_t rank, std::int64_t most = 4, std::int64_t least = 1);
  /// `sizes` with some set to 1 and some leading ones dropped: they broadcast to `sizes`.
  Sizes broadcastable_to(Sizes sizes);

  /// Floats in [low, high).
  Tensor uniform(const Sizes& sizes, double low = -1.0, double high = 1.0, DType dtype = f64);
  /// Floats with `low` <= |x| < `high`: for functions with a kink or a pole at 0.
  Tensor away_from_zero(const Sizes& sizes, double low = 0.1, double high = 2.0, DType dtype = f64);
  /// Floats no closer than 0.2 to an integer, between -3 and 3.
  Tensor between_integers(const Sizes& sizes);
  /// Floats no farther than 0.2 from an integer, between -3 and 3.
  Tensor near_integers(const Sizes& sizes);
  /// All elements at least 0.05 apart, in random order.
  Tensor distinct(const Sizes& sizes);
  /// Whole numbers in [0, bound) of any dtype.
  Tensor whole(const Sizes& sizes, std::int64_t bound, DType dtype = i64);

 private:
  PhiloxSequence numbers_;
};

}  // namespace weft::testing_support
