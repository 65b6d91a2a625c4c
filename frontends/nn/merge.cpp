#include "weft/frontends/nn/merge.h"

#include <fmt/format.h>

#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"

namespace weft::nn {
namespace {

Value merged(std::string_view name, std::span<const Value> inputs, Where where,
             Value (*pair)(const Operand&, const Operand&)) {
  if (inputs.empty()) {
    throw Error(ErrorCode::invalid_argument, "there is nothing to merge",
                {.op = std::string(name), .expected = "at least one input", .where = to_string(where)});
  }
  expect_values(inputs, name, "input", where);
  const Scope origin(inputs[0].graph(), name, where);
  Value all = inputs[0];
  for (const Value& input : inputs.subspan(1)) all = pair(all, input);
  return all;
}

}  // namespace

Value sum_of(std::span<const Value> inputs, Where where) { return merged("sum_of", inputs, where, add); }
Value product_of(std::span<const Value> inputs, Where where) {
  return merged("product_of", inputs, where, mul);
}
Value max_of(std::span<const Value> inputs, Where where) { return merged("max_of", inputs, where, maximum); }

Value maxout(const Operand& x, std::int64_t pieces) {
  const Value value = x.value("maxout");
  std::vector<Dim> dims = value.shape().dims();
  if (pieces < 1 || dims.empty() || !dims.back().is_number() || dims.back().size() % pieces != 0) {
    throw Error(ErrorCode::shape_mismatch, "the last axis does not fall into pieces",
                {.op = "maxout",
                 .expected = fmt::format("[..., n * {}]", pieces),
                 .actual = to_string(value.shape()),
                 .where = to_string(x.where())});
  }
  const Scope origin(value.graph(), "maxout", x.where());
  dims.back() = Dim(dims.back().size() / pieces);
  dims.emplace_back(pieces);
  return max(reshape(value, Shape(std::move(dims))), {-1});
}

}  // namespace weft::nn
