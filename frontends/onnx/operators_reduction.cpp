#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/folds.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/scan.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

using Reduction = Value (*)(const Operand&, const Axes&, bool);

/// `reduce(x, axes, keep)`, where no axes are all of them, or none.
template <typename F>
Items reducing(const NodeView& node, const F& reduce) {
  const Value x = node.value(0);
  const bool keep = node.integer("keepdims", 1) != 0;
  const bool nothing = node.integer("noop_with_empty_axes", 0) != 0;
  const auto axes = axes_of(node, 1, x.shape().rank()).value_or(std::vector<std::int64_t>());
  if (axes.empty() && nothing) return x;
  if (x.shape().rank() == 0) return reduce(expand_dims(x, 0), Axes{0}, false);
  return reduce(x, axes, keep);
}

template <Reduction F>
Items reduce_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) { return F(x, axes, keep); });
}

/// The same for a reduction that takes floats alone.
template <Reduction F>
Items float_reduce_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) {
    return in_floats(x, [&](const Value& u) { return F(u, axes, keep); });
  });
}

Items max_reduce_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) {
    return x.dtype() == DType::boolean ? any(x, axes, keep) : max(x, axes, keep);
  });
}

Items min_reduce_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) {
    return x.dtype() == DType::boolean ? all(x, axes, keep) : min(x, axes, keep);
  });
}

Items l1_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) { return sum(abs(x), axes, keep); });
}

Items sum_square_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) { return sum(x * x, axes, keep); });
}

Items log_sum_rule(const NodeView& node) {
  return reducing(node, [](const Value& x, const Axes& axes, bool keep) {
    return in_floats(x, [&](const Value& u) { return log(sum(u, axes, keep)); });
  });
}

template <typename F>
Items arg_rule(const NodeView& node, const F& arg) {
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", 0, x.shape().rank());
  Value found;
  if (node.integer("select_last_index", 0) == 0) {
    found = arg(x, axis);
  } else {
    const Dim& size = x.shape()[static_cast<std::size_t>(axis)];
    found = sub(node.size_of(size) - 1, arg(flip(x, {axis}), axis));
  }
  return node.integer("keepdims", 1) != 0 ? expand_dims(found, axis) : found;
}

Items arg_max_rule(const NodeView& node) {
  return arg_rule(node, [](const Value& x, std::int64_t axis) { return argmax(x, axis); });
}

Items arg_min_rule(const NodeView& node) {
  return arg_rule(node, [](const Value& x, std::int64_t axis) { return argmin(x, axis); });
}

Items cum_sum_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t axis = positive_axis(node.integer(1, "the axis"), x.shape().rank());
  return cumsum(x, axis,
                {.exclusive = node.integer("exclusive", 0) != 0, .reverse = node.integer("reverse", 0) != 0});
}

constexpr std::array kReductions{
    RuleEntry{"ArgMax", arg_max_rule},
    RuleEntry{"ArgMin", arg_min_rule},
    RuleEntry{"CumSum", cum_sum_rule},
    RuleEntry{"ReduceL1", l1_rule},
    RuleEntry{"ReduceL2", float_reduce_rule<norm>},
    RuleEntry{"ReduceLogSum", log_sum_rule},
    RuleEntry{"ReduceLogSumExp", float_reduce_rule<logsumexp>},
    RuleEntry{"ReduceMax", max_reduce_rule},
    RuleEntry{"ReduceMean", float_reduce_rule<mean>},
    RuleEntry{"ReduceMin", min_reduce_rule},
    RuleEntry{"ReduceProd", reduce_rule<prod>},
    RuleEntry{"ReduceSum", reduce_rule<sum>},
    RuleEntry{"ReduceSumSquare", sum_square_rule},
};

}  // namespace

std::span<const RuleEntry> reduction_rules() { return kReductions; }

}  // namespace weft::onnx
