#pragma once
// Mini-batches as lists of row numbers. One epoch visits every sample exactly once: the order is a
// permutation, a batch is a view of the next part of it, and the last batch is as short as it must be. All is
// a pure function of its arguments; a Batches may be read from any number of threads.

#include <cstdint>

#include "weft/graph/tensor.h"

namespace weft::data {

/// The numbers 0..n-1 in an order that only (n, seed, epoch) decide: i32 [n]. Fisher-Yates (Durstenfeld
/// 1964). Throws Error(invalid_argument) unless 0 <= n < 2^31.
Tensor permutation(std::int64_t n, std::uint64_t seed, std::uint64_t epoch);

/// The same numbers in their own order.
Tensor in_order(std::int64_t n);

/// An order whose batches hold rows of similar lengths, so that little of them is padding: i32 [n], for
/// `lengths` of any integer dtype [n]. Of a permutation, every `window` batches are sorted by length and cut;
/// the batches come in random order, a shorter one last. Of lengths that are uniform in [1, 100], 32 in a
/// batch, padding is half of a permutation's batches and 1% of these. Throws Error(invalid_argument) for
/// lengths of another type, and for a batch size or a window below 1.
Tensor by_length(const Tensor& lengths, std::int64_t batch_size, std::uint64_t seed, std::uint64_t epoch,
                 std::int64_t window = 100);

class Batches {
 public:
  /// Cuts `order`, i32 [n], into batches of `batch_size` rows. Throws Error(invalid_argument) when the order
  /// is not an i32 vector or `batch_size` < 1.
  Batches(Tensor order, std::int64_t batch_size);

  /// How many batches there are: ceil(n / batch_size), so 0 for n = 0.
  std::int64_t count() const noexcept { return count_; }

  const Tensor& order() const noexcept { return order_; }

  /// The rows of batch `k`: i32 [batch_size], fewer in the last one; shares memory with the order.
  /// Throws Error(out_of_range) unless 0 <= k < count().
  Tensor at(std::int64_t k) const;

 private:
  Tensor order_;
  std::int64_t batch_size_;
  std::int64_t count_;
};

}  // namespace weft::data
