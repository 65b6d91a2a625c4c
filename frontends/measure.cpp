#include "weft/frontends/measure.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft {
namespace {

std::int64_t rows_to_measure(std::span<const Tensor> inputs, const Where& where) {
  std::int64_t rows = -1;
  for (const Tensor& input : inputs) {
    if (input.empty() || input.rank() == 0) continue;
    if (rows >= 0 && rows != input.sizes()[0]) {
      throw Error(ErrorCode::shape_mismatch, "the inputs differ in rows",
                  {.op = "measure",
                   .expected = fmt::format("{} rows", rows),
                   .actual = to_string(input.type()),
                   .where = to_string(where)});
    }
    rows = input.sizes()[0];
  }
  if (rows >= 1) return rows;
  throw Error(ErrorCode::invalid_argument, "there are no rows to measure",
              {.op = "measure", .expected = "inputs with one row or more", .where = to_string(where)});
}

/// The sum of an output's numbers in a mean over rows: a scalar stands for all rows of its batch.
double sum_over_rows(const Tensor& output, std::size_t number, std::int64_t rows, const Where& where) {
  const bool is_scalar = output.elements() == 1 && output.rank() == 0;
  const bool has_rows = output.rank() > 0 && output.sizes()[0] == rows;
  if (!is_scalar && !has_rows) {
    throw Error(ErrorCode::invalid_argument, "an output has neither one number nor one for each row",
                {.op = "measure",
                 .expected = fmt::format("output {} with 1 or {} rows", number, rows),
                 .actual = to_string(output.type()),
                 .where = to_string(where)});
  }
  double total = 0.0;
  visit_dtype(output.dtype(), [&]<typename T>(T) {
    for (const T x : output.values<T>()) total += static_cast<double>(x);
  });
  if (is_scalar) return total * static_cast<double>(rows);
  return total * static_cast<double>(rows) /
         static_cast<double>(std::max<std::int64_t>(1, output.elements()));
}

}  // namespace

std::vector<double> measure(const Function& function, std::span<const Tensor> inputs, std::int64_t batch,
                            const Where& where) {
  if (batch < 1) {
    throw Error(ErrorCode::invalid_argument, "the batch size is too small",
                {.op = "measure",
                 .expected = "1 or more",
                 .actual = std::to_string(batch),
                 .where = to_string(where)});
  }
  const std::int64_t rows = rows_to_measure(inputs, where);
  std::vector<double> sums;
  std::vector<Tensor> part(inputs.begin(), inputs.end());
  for (std::int64_t begin = 0; begin < rows; begin += batch) {
    const std::int64_t size = std::min(batch, rows - begin);
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!inputs[i].empty() && inputs[i].rank() > 0) part[i] = inputs[i].rows(begin, size);
    }
    const Outputs outputs = function(part, where);
    sums.resize(outputs.size(), 0.0);
    for (std::size_t i = 0; i < outputs.size(); ++i) sums[i] += sum_over_rows(outputs[i], i, size, where);
  }
  for (double& sum : sums) sum /= static_cast<double>(rows);
  return sums;
}

std::vector<double> measure(const Function& function, std::initializer_list<Tensor> inputs,
                            std::int64_t batch, const Where& where) {
  return measure(function, std::span(inputs.begin(), inputs.size()), batch, where);
}

}  // namespace weft
