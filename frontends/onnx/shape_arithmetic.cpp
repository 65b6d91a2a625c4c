// Sizes that depend on symbols, through the nodes that exporters compute shapes with.

#include <algorithm>
#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"

namespace weft::onnx {
namespace {

using Folded = std::optional<Wholes>;
constexpr std::size_t kMostSizes = 4096;  // of a shape

using FoldRule = Folded (*)(const NodeView& node);

/// The input's whole numbers, if they are known and a scalar or a vector.
Folded known_wholes(const NodeView& node, std::size_t i) {
  if (!node.has(i) || node.item(i).kind != Item::Kind::tensor) return std::nullopt;
  if (node.item(i).wholes != nullptr) return *node.item(i).wholes;
  const Tensor tensor = node.known(i);
  if (tensor.empty() || !is_integer(tensor.dtype()) || tensor.rank() > 1) return std::nullopt;
  return node.wholes(i, "a size");
}

/// The sides' numbers beside each other, where a side of one number stands beside all.
std::optional<std::size_t> common_count(const Wholes& a, const Wholes& b) {
  const std::size_t count = std::max(a.numbers.size(), b.numbers.size());
  const auto fits = [&](const Wholes& side) {
    return side.numbers.size() == count || side.numbers.size() == 1;
  };
  return fits(a) && fits(b) ? std::optional(count) : std::nullopt;
}

const Whole& number_at(const Wholes& side, std::size_t i) {
  return side.numbers[side.numbers.size() == 1 ? 0 : i];
}

template <WholeOp op>
Folded fold_binary(const NodeView& node) {
  const Folded a = known_wholes(node, 0);
  const Folded b = known_wholes(node, 1);
  const auto count = a && b ? common_count(*a, *b) : std::nullopt;
  if (!count) return std::nullopt;
  Wholes made{.numbers = {}, .is_scalar = a->is_scalar && b->is_scalar, .dtype = a->dtype};
  for (std::size_t i = 0; i < *count; ++i) {
    const std::optional<Whole> number = apply_whole(op, number_at(*a, i), number_at(*b, i));
    if (!number) return std::nullopt;
    made.numbers.push_back(*number);
  }
  return made;
}

Folded fold_identity(const NodeView& node) { return known_wholes(node, 0); }

Folded fold_cast(const NodeView& node) {
  Folded x = known_wholes(node, 0);
  const DType to = dtype_attribute(node, "to", f32);
  if (!x || !is_integer(to)) return std::nullopt;
  x->dtype = to;
  return x;
}

Folded fold_gather(const NodeView& node) {
  const Folded x = known_wholes(node, 0);
  const Tensor at = node.known(1);
  if (!x || x->is_scalar || at.empty() || at.rank() > 1) return std::nullopt;
  Wholes made{.numbers = {}, .is_scalar = at.rank() == 0, .dtype = x->dtype};
  for (std::int64_t index : node.integers(1, "the indices")) {
    const auto count = static_cast<std::int64_t>(x->numbers.size());
    if (index < 0) index += count;
    if (index < 0 || index >= count)
      throw Error(ErrorCode::out_of_range, "an index lies outside of the shape");
    made.numbers.push_back(x->numbers[static_cast<std::size_t>(index)]);
  }
  return made;
}

Folded fold_concat(const NodeView& node) {
  Wholes made;
  for (std::size_t i = 0; i < node.inputs(); ++i) {
    const Folded part = known_wholes(node, i);
    if (!part || part->is_scalar) return std::nullopt;
    made.dtype = part->dtype;
    made.numbers.insert(made.numbers.end(), part->numbers.begin(), part->numbers.end());
    if (made.numbers.size() > kMostSizes) throw Error(ErrorCode::bad_file, "a shape of too many sizes");
  }
  return made;
}

Folded fold_slice(const NodeView& node) {
  const Folded x = known_wholes(node, 0);
  if (!x || x->is_scalar) return std::nullopt;
  const bool by_attributes = node.has_attribute("starts");
  const auto starts = by_attributes ? node.integers("starts") : node.integers(1, "the starts");
  const auto ends = by_attributes ? node.integers("ends") : node.integers(2, "the ends");
  const std::int64_t step = !by_attributes && node.has(4) ? node.integer(4, "the steps") : 1;
  if (starts.size() != 1 || ends.size() != 1 || step <= 0) return std::nullopt;
  const auto count = static_cast<std::int64_t>(x->numbers.size());
  const auto bounded = [&](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + count : bound, 0, count);
  };
  Wholes made{.numbers = {}, .is_scalar = false, .dtype = x->dtype};
  for (std::int64_t i = bounded(starts[0]); i < bounded(ends[0]); i += std::min(step, count)) {
    made.numbers.push_back(x->numbers[static_cast<std::size_t>(i)]);
  }
  return made;
}

Folded fold_unsqueeze(const NodeView& node) {
  Folded x = known_wholes(node, 0);
  if (!x || !x->is_scalar) return std::nullopt;
  const auto axes = node.has_attribute("axes") ? node.integers("axes") : node.integers(1, "the axes");
  if (axes.size() != 1) return std::nullopt;
  x->is_scalar = false;
  return x;
}

Folded fold_squeeze(const NodeView& node) {
  Folded x = known_wholes(node, 0);
  if (!x || x->is_scalar || x->numbers.size() != 1) return std::nullopt;
  x->is_scalar = true;
  return x;
}

Folded fold_reshape(const NodeView& node) {
  Folded x = known_wholes(node, 0);
  if (!x || !node.has(1)) return std::nullopt;
  const std::size_t rank = node.integers(1, "the shape").size();
  if (rank > 1 || (rank == 0 && x->numbers.size() != 1)) return std::nullopt;
  x->is_scalar = rank == 0;
  return x;
}

Folded fold_prod(const NodeView& node) {
  const Folded x = known_wholes(node, 0);
  if (!x || x->is_scalar) return std::nullopt;
  Whole product = 1;
  for (const Whole& number : x->numbers) {
    const std::optional<Whole> next = apply_whole(WholeOp::mul, product, number);
    if (!next) return std::nullopt;
    product = *next;
  }
  return Wholes{.numbers = {product}, .is_scalar = node.integer("keepdims", 1) == 0, .dtype = x->dtype};
}

/// Whether two numbers are equal, where all sizes of the symbols agree on that: no size is negative.
std::optional<bool> are_equal(const Whole& a, const Whole& b) {
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if ((a.is_number() && a.number() < 0) || (b.is_number() && b.number() < 0)) return false;
  if (!a.is_number() && !b.is_number() && a.dim() == b.dim()) return true;
  return std::nullopt;
}

Folded fold_equal(const NodeView& node) {
  const Folded a = known_wholes(node, 0);
  const Folded b = known_wholes(node, 1);
  const auto count = a && b ? common_count(*a, *b) : std::nullopt;
  if (!count) return std::nullopt;
  Wholes made{.numbers = {}, .is_scalar = a->is_scalar && b->is_scalar, .dtype = DType::boolean};
  for (std::size_t i = 0; i < *count; ++i) {
    const std::optional<bool> equal = are_equal(number_at(*a, i), number_at(*b, i));
    if (!equal) return std::nullopt;
    made.numbers.emplace_back(*equal ? 1 : 0);
  }
  return made;
}

Folded fold_where(const NodeView& node) {
  const Tensor condition = node.known(0);
  const Folded a = known_wholes(node, 1);
  const Folded b = known_wholes(node, 2);
  const auto count = a && b ? common_count(*a, *b) : std::nullopt;
  if (!count || condition.empty() || condition.dtype() != DType::boolean || condition.rank() > 1 ||
      condition.elements() != static_cast<std::int64_t>(*count))
    return std::nullopt;
  Wholes made{.numbers = {}, .is_scalar = a->is_scalar && b->is_scalar, .dtype = a->dtype};
  for (std::size_t i = 0; i < *count; ++i) {
    made.numbers.push_back(number_at(condition.values<bool>()[i] ? *a : *b, i));
  }
  return made;
}

struct FoldEntry {
  std::string_view name;
  FoldRule rule;
};
constexpr std::array kFolds{
    FoldEntry{"Add", fold_binary<WholeOp::add>},
    FoldEntry{"Sub", fold_binary<WholeOp::sub>},
    FoldEntry{"Mul", fold_binary<WholeOp::mul>},
    FoldEntry{"Div", fold_binary<WholeOp::div>},
    FoldEntry{"Identity", fold_identity},
    FoldEntry{"Cast", fold_cast},
    FoldEntry{"Gather", fold_gather},
    FoldEntry{"Concat", fold_concat},
    FoldEntry{"Slice", fold_slice},
    FoldEntry{"Unsqueeze", fold_unsqueeze},
    FoldEntry{"Squeeze", fold_squeeze},
    FoldEntry{"Reshape", fold_reshape},
    FoldEntry{"ReduceProd", fold_prod},
    FoldEntry{"Equal", fold_equal},
    FoldEntry{"Where", fold_where},
};

}  // namespace

std::optional<Items> fold_wholes(const NodeView& node) {
  bool has_symbols = false;
  for (std::size_t i = 0; i < node.inputs(); ++i) {
    has_symbols = has_symbols || (node.has(i) && node.item(i).wholes != nullptr);
  }
  if (!has_symbols || !node.proto().domain.empty()) return std::nullopt;
  const auto found = std::ranges::find(kFolds, node.proto().op_type, &FoldEntry::name);
  if (found == kFolds.end()) return std::nullopt;
  Folded folded = found->rule(node);
  if (!folded) return std::nullopt;
  return Items(node.item_of(*std::move(folded)));
}

}  // namespace weft::onnx
