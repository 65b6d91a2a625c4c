#include "weft/frontends/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "weft/frontends/data/batches.h"
#include "weft/graph/error.h"

namespace weft::data {
namespace {

using Rows = std::vector<std::int32_t>;

Tensor rows_tensor(const Rows& rows) { return Tensor::of(std::span<const std::int32_t>(rows)); }

Rows shuffled(std::int64_t n, std::uint64_t seed) {
  const Tensor order = permutation(n, seed, 0);
  const auto rows = order.values<std::int32_t>();
  return {rows.begin(), rows.end()};
}

/// How many of n rows are to test with, at least one and not all.
std::size_t test_count(std::size_t n, double share) {
  const auto nearest = static_cast<std::size_t>(std::llround(static_cast<double>(n) * share));
  return std::clamp<std::size_t>(nearest, 1, n - 1);
}

void expect_split(std::string_view what, bool holds, std::string_view expected, const std::string& actual) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, "the rows cannot be split like this",
              {.op = std::string(what), .expected = std::string(expected), .actual = actual});
}

void expect_share(std::string_view what, double share) {
  expect_split(what, share > 0.0 && share < 1.0, "a share in (0, 1)", fmt::format("{}", share));
}

std::vector<std::int64_t> integers_of(const Tensor& tensor, std::string_view what) {
  if (!is_index(tensor.dtype()) || tensor.rank() != 1) {
    throw Error(is_index(tensor.dtype()) ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
                fmt::format("{} are a vector of integers", what),
                {.expected = "i32[n] or another integer dtype", .actual = to_string(tensor.type())});
  }
  std::vector<std::int64_t> all;
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T x : tensor.values<T>()) all.push_back(static_cast<std::int64_t>(x));
  });
  return all;
}

}  // namespace

Tensor select_rows(const Tensor& tensor, const Tensor& rows) {
  const std::vector<std::int64_t> chosen = integers_of(rows, "row numbers");
  if (tensor.empty() || tensor.rank() == 0) {
    throw Error(ErrorCode::shape_mismatch, "a scalar has no rows",
                {.op = "select_rows", .expected = "[n, ...]", .actual = to_string(tensor.type())});
  }
  std::vector<std::int64_t> sizes(tensor.sizes().begin(), tensor.sizes().end());
  const std::int64_t n = sizes[0];
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] >= 0 && chosen[i] < n) continue;
    throw Error(ErrorCode::out_of_range,
                fmt::format("there is no row {}, which comes at place {}", chosen[i], i),
                {.op = "select_rows", .expected = fmt::format("an integer in [0, {})", n)});
  }
  sizes[0] = static_cast<std::int64_t>(chosen.size());
  Tensor made = Tensor::uninitialized(tensor.dtype(), sizes);
  const std::size_t bytes = n == 0 ? 0 : tensor.bytes() / static_cast<std::size_t>(n);
  if (made.bytes() == 0) return made;
  const auto* from = static_cast<const std::byte*>(tensor.data());
  auto* to = static_cast<std::byte*>(made.mutable_data());
  for (const std::int64_t row : chosen) {
    std::memcpy(to, from + bytes * static_cast<std::size_t>(row), bytes);
    to += bytes;
  }
  return made;
}

Fold split(std::int64_t n, double test_share, std::uint64_t seed) {
  expect_share("split", test_share);
  expect_split("split", n >= 2, "2 rows or more", std::to_string(n));
  const Rows rows = shuffled(n, seed);
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(test_count(rows.size(), test_share));
  return {.train = rows_tensor({middle, rows.end()}), .test = rows_tensor({rows.begin(), middle})};
}

Fold split_by_label(const Tensor& labels, double test_share, std::uint64_t seed) {
  expect_share("split_by_label", test_share);
  const std::vector<std::int64_t> truth = integers_of(labels, "labels");
  std::map<std::int64_t, Rows> of_label;
  for (const std::int32_t row : shuffled(labels.elements(), seed))
    of_label[truth[static_cast<std::size_t>(row)]].push_back(row);
  std::vector<bool> tests(truth.size(), false);
  for (const auto& [label, rows] : of_label) {
    expect_split("split_by_label", rows.size() >= 2, "each label twice or more",
                 fmt::format("label {} once", label));
    for (std::size_t i = 0; i < test_count(rows.size(), test_share); ++i)
      tests[static_cast<std::size_t>(rows[i])] = true;
  }
  Rows train;
  Rows test;
  for (const std::int32_t row : shuffled(labels.elements(), seed))
    (tests[static_cast<std::size_t>(row)] ? test : train).push_back(row);
  return {.train = rows_tensor(train), .test = rows_tensor(test)};
}

std::vector<Fold> k_folds(std::int64_t n, std::int64_t k, std::uint64_t seed) {
  expect_split("k_folds", k >= 2 && k <= n, fmt::format("2 to {} folds", n), std::to_string(k));
  const Rows rows = shuffled(n, seed);
  std::vector<Fold> folds;
  for (std::int64_t fold = 0; fold < k; ++fold) {
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(n * fold / k);
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(n * (fold + 1) / k);
    Rows train(rows.begin(), begin);
    train.insert(train.end(), end, rows.end());
    folds.push_back({.train = rows_tensor(train), .test = rows_tensor({begin, end})});
  }
  return folds;
}

}  // namespace weft::data
