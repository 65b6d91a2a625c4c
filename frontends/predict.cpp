#include "weft/frontends/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "weft/frontends/ranks/shares.h"

namespace weft {
namespace {

bool has_rows(const Tensor& tensor) { return !tensor.empty() && tensor.rank() > 0; }

/// How many rows the inputs have.
std::int64_t rows_of(std::span<const Tensor> inputs, const Where& where) {
  std::optional<std::int64_t> rows;
  for (const Tensor& input : inputs) {
    if (!has_rows(input)) continue;
    if (!rows) rows = input.sizes()[0];
    if (*rows == input.sizes()[0]) continue;
    throw Error(ErrorCode::shape_mismatch, "the inputs of a prediction differ in rows",
                {.op = "predict",
                 .expected = fmt::format("{} rows", *rows),
                 .actual = to_string(input.type()),
                 .where = to_string(where)});
  }
  if (rows) return *rows;
  throw Error(
      ErrorCode::invalid_argument, "a prediction needs an input with rows",
      {.op = "predict", .expected = "one tensor or more with a first axis", .where = to_string(where)});
}

/// Room for `rows` rows like those of one batch's output.
Tensor room_for(std::int64_t rows, const Tensor& output) {
  std::vector<std::int64_t> sizes(output.sizes().begin(), output.sizes().end());
  sizes[0] = rows;
  return Tensor::uninitialized(output.dtype(), sizes);
}

void expect_rows(const Tensor& output, std::size_t number, std::int64_t rows, const Where& where) {
  if (output.rank() > 0 && output.sizes()[0] == rows) return;
  throw Error(ErrorCode::shape_mismatch, "an output does not have a row for each row of the inputs",
              {.op = "predict",
               .expected = fmt::format("{} rows in output {}", rows, number),
               .actual = to_string(output.type()),
               .where = to_string(where)});
}

Tensor the_only(std::vector<Tensor> outputs, const Where& where) {
  if (outputs.size() == 1) return std::move(outputs[0]);
  throw Error(ErrorCode::invalid_argument, "the function does not have one output",
              {.op = "predict",
               .expected = "1 output",
               .actual = std::to_string(outputs.size()),
               .where = to_string(where)});
}

}  // namespace

std::vector<Tensor> predict(const Function& function, std::span<const Tensor> inputs, std::int64_t batch,
                            const Where& where) {
  if (batch < 1) {
    throw Error(ErrorCode::invalid_argument, "the batch size is too small",
                {.op = "predict",
                 .expected = "1 or more",
                 .actual = std::to_string(batch),
                 .where = to_string(where)});
  }
  const std::int64_t rows = rows_of(inputs, where);
  std::vector<Tensor> all;
  std::vector<Tensor> part(inputs.begin(), inputs.end());
  std::int64_t begin = 0;
  do {
    const std::int64_t size = std::min(batch, rows - begin);
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (has_rows(inputs[i])) part[i] = inputs[i].rows(begin, size);
    }
    const auto& outputs = function(part, where);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      expect_rows(outputs[i], i, size, where);
      if (begin == 0) all.push_back(room_for(rows, outputs[i]));
      Tensor into = all[i].rows(begin, size);
      if (into.bytes() > 0) std::memcpy(into.mutable_data(), outputs[i].data(), into.bytes());
    }
    begin += size;
  } while (begin < rows);
  return all;
}

std::vector<Tensor> predict(const Function& function, std::initializer_list<Tensor> inputs,
                            std::int64_t batch, const Where& where) {
  return predict(function, std::span(inputs.begin(), inputs.size()), batch, where);
}

Tensor predict(const Function& function, const Tensor& input, std::int64_t batch, const Where& where) {
  return the_only(predict(function, std::span(&input, 1), batch, where), where);
}

namespace ranks {

std::vector<Tensor> predict(Communicator* communicator, const Function& function,
                            std::span<const Tensor> inputs, std::int64_t batch, const Where& where) {
  if (!has_peers(communicator)) return weft::predict(function, inputs, batch, where);
  std::vector<Tensor> own(inputs.begin(), inputs.end());
  for (Tensor& input : own) {
    if (input.empty() || input.rank() == 0) continue;
    const Share share = own_rows(input.sizes()[0], communicator);
    input = input.rows(share.first, share.count);
  }
  std::vector<Tensor> outputs = weft::predict(function, own, batch, where);
  for (Tensor& output : outputs) output = gather_rows(communicator, output, where);
  return outputs;
}

Tensor predict(Communicator* communicator, const Function& function, const Tensor& input, std::int64_t batch,
               const Where& where) {
  return the_only(predict(communicator, function, std::span(&input, 1), batch, where), where);
}

}  // namespace ranks
}  // namespace weft
