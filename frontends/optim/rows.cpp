#include "weft/frontends/optim/rows.h"

#include <vector>

#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/structure.h"

namespace weft::optim {
namespace {

struct Scattered {
  Value x;
  Value indices;
};

const Node& maker(const Value& value) { return value.graph().node(value.node()); }
Value input_at(const Value& value, std::size_t i) { return value.graph().value(maker(value).inputs[i]); }

/// The scatter_adds that a value is the sum of; false if there is something else in it.
bool find_scattered(const Value& value, std::vector<Scattered>& found) {
  const Op& op = maker(value).op;
  if (op.is<ScatterAdd>()) {
    found.push_back({.x = input_at(value, 0), .indices = input_at(value, 1)});
    return found.front().indices.dtype() == found.back().indices.dtype();
  }
  if (!op.is<Add>()) return false;
  for (const std::size_t side : {0U, 1U}) {
    const Value term = input_at(value, side);
    if (term.shape() != value.shape() || !find_scattered(term, found)) return false;
  }
  return true;
}

/// One scatter_add for several, and its indices.
Scattered one_of(const std::vector<Scattered>& all, const Value& sum) {
  if (all.size() == 1) return {.x = sum, .indices = all[0].indices};
  std::vector<Value> rows;
  std::vector<Value> indices;
  for (const Scattered& part : all) {
    std::vector<Dim> dims = sum.shape().dims();
    dims[0] = part.indices.shape().count();
    indices.push_back(reshape(part.indices, Shape{dims[0]}));
    rows.push_back(reshape(part.x, Shape(std::move(dims))));
  }
  const Value joined = concat(indices);
  return {.x = scatter_add(concat(rows), joined, sum.shape()), .indices = joined};
}

}  // namespace

Rows Rows::named_by(const Value& gradient, const Value& parameter) {
  std::vector<std::pair<Op, Value>> factors;  // from the last to the first
  Value table = gradient;
  for (;;) {
    const Op& op = maker(table).op;
    if (!op.is<Mul>() && !op.is<Div>()) break;
    const Value left = input_at(table, 0);
    const Value right = input_at(table, 1);
    if (right.shape().is_scalar()) {
      factors.emplace_back(op, right);
      table = left;
    } else if (op.is<Mul>() && left.shape().is_scalar()) {
      factors.emplace_back(op, left);
      table = right;
    } else {
      break;
    }
  }
  std::vector<Scattered> found;
  if (table.shape() != parameter.shape() || !find_scattered(table, found)) return Rows(gradient);
  const Scattered whole = one_of(found, table);
  Value rows = gather(whole.x, whole.indices);
  while (!factors.empty()) {
    rows = apply(factors.back().first, rows, factors.back().second);
    factors.pop_back();
  }
  return {rows, whole.indices};
}

Value Rows::read(const Value& state) const { return indices_.has_value() ? gather(state, indices_) : state; }

Value Rows::write(const Value& state, const Value& rows) const {
  return indices_.has_value() ? scatter_nd(state, expand_dims(indices_, -1), rows) : rows;
}

}  // namespace weft::optim
