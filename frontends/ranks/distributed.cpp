#include "weft/frontends/ranks/distributed.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "weft/autodiff/gradients.h"
#include "weft/ops/communication.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"

namespace weft::ranks {
namespace {

/// The numbers of the values in the order in which the graph computes them.
std::vector<std::size_t> order_of(std::span<const Value> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(values[i].node(), i); });
  return order;
}

/// Sums of what was weighted, over ranks, divided by the rows of all.
std::vector<Value> means_over_ranks(std::span<const Value> weighted, const Value& rows) {
  std::vector<Value> given(weighted.begin(), weighted.end());
  std::vector<DType> dtypes;
  for (const Value& one : weighted) {
    if (std::ranges::find(dtypes, one.dtype()) != dtypes.end()) continue;
    dtypes.push_back(one.dtype());
    given.push_back(cast(rows, one.dtype()));
  }
  std::vector<Value> sums = sum_over_ranks(given);
  std::vector<Value> factors;  // for each dtype
  for (std::size_t i = 0; i < dtypes.size(); ++i)
    factors.push_back(1.0 / maximum(sums[weighted.size() + i], 1.0));
  sums.resize(weighted.size());
  for (Value& sum : sums) {
    const auto at = std::ranges::find(dtypes, sum.dtype()) - dtypes.begin();
    sum = sum * factors[static_cast<std::size_t>(at)];
  }
  return sums;
}

}  // namespace

Value times_rows(const Value& x, const Value& rows) {
  if (!is_float(x.dtype())) {
    throw Error(ErrorCode::dtype_mismatch, "means over the rows of all ranks are of floats",
                {.op = "distributed",
                 .node = x.name(),
                 .expected = "f32 or f64",
                 .actual = std::string(name_of(x.dtype()))});
  }
  return where(rows > 0.0, x * cast(rows, x.dtype()), 0.0);
}

Value rows_of(const Operand& x) { return apply(Count{{0}, f64}, x); }

std::vector<Value> sum_over_ranks(std::span<const Value> values) {
  expect_values(values, "sum_over_ranks", "value", {});
  std::vector<Value> sums(values.size());
  for (const std::size_t i : order_of(values)) sums[i] = all_reduce(values[i]);
  return sums;
}

std::vector<Value> distributed(std::span<const Value> gradients, const Operand& rows) {
  expect_values(gradients, "distributed", "gradient", rows.where());
  const Value own = rows.value("distributed");
  std::vector<Value> made(gradients.size());
  for (const std::size_t i : order_of(gradients)) made[i] = times_rows(gradients[i], own);
  return means_over_ranks(made, own);
}

Value mean_over_ranks(const Operand& mean, const Operand& rows) {
  return distributed(std::array{mean.value("mean_over_ranks")}, rows)[0];
}

std::vector<Value> sums_over_rows(const Operand& loss, std::span<const Value> parameters,
                                  const Operand& rows) {
  std::vector<Value> sums{times_rows(loss.value("differentiate"), rows.value("differentiate"))};
  const std::vector<Value> slopes = weft::gradients(sums[0], parameters);
  sums.insert(sums.end(), slopes.begin(), slopes.end());
  return sums;
}

DistributedLoss differentiate(const Operand& loss, std::span<const Value> parameters, const Operand& rows) {
  const std::vector<Value> own = sums_over_rows(loss, parameters, rows);
  const std::vector<Value> means = means_over_ranks(own, rows.value("differentiate"));
  return {.loss = means[0], .gradients = {means.begin() + 1, means.end()}};
}

}  // namespace weft::ranks
