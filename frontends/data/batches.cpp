#include "weft/frontends/data/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "weft/frontends/data/random_streams.h"
#include "weft/graph/error.h"

namespace weft::data {
namespace {

Tensor checked_order(Tensor order) {
  if (order.dtype() != DType::i32 || order.rank() != 1) {
    throw Error(ErrorCode::invalid_argument, "batches need an order of rows",
                {.expected = "i32[n]", .actual = to_string(order.type())});
  }
  return order;
}

std::int64_t checked_batch_size(std::int64_t batch_size) {
  if (batch_size < 1) {
    throw Error(ErrorCode::invalid_argument, "the batch size is too small",
                {.expected = "1 or more", .actual = fmt::format("{}", batch_size)});
  }
  return batch_size;
}

}  // namespace

Tensor in_order(std::int64_t n) {
  if (n < 0 || n > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ErrorCode::invalid_argument, "no order of so many rows",
                {.expected = "0 <= n < 2^31", .actual = fmt::format("{}", n)});
  }
  Tensor order = Tensor::uninitialized(DType::i32, {n});
  const auto rows = order.mutable_values<std::int32_t>();
  std::iota(rows.begin(), rows.end(), 0);
  return order;
}

Tensor permutation(std::int64_t n, std::uint64_t seed, std::uint64_t epoch) {
  Tensor order = in_order(n);
  const auto rows = order.mutable_values<std::int32_t>();
  PhiloxSequence random(purpose_seed(seed, Purpose::shuffle), epoch);
  for (std::size_t last = rows.size(); last > 1; --last) {
    std::swap(rows[last - 1], rows[random.below(static_cast<std::uint32_t>(last))]);
  }
  return order;
}

Tensor by_length(const Tensor& lengths, std::int64_t batch_size, std::uint64_t seed, std::uint64_t epoch,
                 std::int64_t window) {
  checked_batch_size(batch_size);
  if (!is_index(lengths.dtype()) || lengths.rank() != 1 || window < 1) {
    throw Error(ErrorCode::invalid_argument, "an order by length needs lengths and a window",
                {.expected = "integers [n], a window of 1 or more",
                 .actual = fmt::format("{}, {}", to_string(lengths.type()), window)});
  }
  std::vector<std::int64_t> sizes;
  visit_dtype(lengths.dtype(), [&]<typename T>(T) {
    for (const T length : lengths.values<T>()) sizes.push_back(static_cast<std::int64_t>(length));
  });
  const std::int64_t n = lengths.elements();
  Tensor order = permutation(n, seed, epoch);
  const auto rows = order.mutable_values<std::int32_t>();
  for (std::int64_t begin = 0; begin < n;) {
    const std::int64_t batches = std::min(window, (n - begin - 1) / batch_size + 1);
    const std::int64_t end = std::min(n, begin + batches * batch_size);
    const auto part = rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    std::vector<std::tuple<std::int64_t, std::size_t, std::int32_t>> sorted;  // length, place, row
    for (std::size_t i = 0; i < part.size(); ++i)
      sorted.emplace_back(sizes[static_cast<std::size_t>(part[i])], i, part[i]);
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < part.size(); ++i) part[i] = std::get<2>(sorted[i]);
    begin = end;
  }
  const std::int64_t whole = n / batch_size;
  const std::vector<std::int32_t> sorted(rows.begin(), rows.end());
  const Tensor places = permutation(whole, ~seed, epoch);
  auto to = rows.begin();
  for (const std::int32_t place : places.values<std::int32_t>())
    to = std::ranges::copy_n(sorted.begin() + place * batch_size, batch_size, to).out;
  return order;
}

Batches::Batches(Tensor order, std::int64_t batch_size)
    : order_(checked_order(std::move(order))), batch_size_(checked_batch_size(batch_size)) {
  const std::int64_t n = order_.elements();
  count_ = n / batch_size_ + (n % batch_size_ == 0 ? 0 : 1);
}

Tensor Batches::at(std::int64_t k) const {
  if (k < 0 || k >= count_) {
    throw Error(ErrorCode::out_of_range, "no batch of this number",
                {.expected = fmt::format("0 <= k < {}", count_), .actual = fmt::format("{}", k)});
  }
  const std::int64_t begin = k * batch_size_;
  return order_.rows(begin, std::min(batch_size_, order_.elements() - begin));
}

}  // namespace weft::data
