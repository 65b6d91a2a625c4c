// All formulas that have a better form, in one file: what the ops' stabilize() look for. A rule looks at the
// nodes that make an op's operands and never at the readers of its result. It holds for every real x for
// which the formula is defined; it changes only overflow, cancellation and rounding.

#include <cmath>
#include <optional>

#include "weft/ops/activation.h"
#include "weft/ops/exponential.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

const Value kNoForm;

const Node& maker_of(const Value& value) { return value.graph().node(value.node()); }
Value operand_of(const Value& value, std::size_t i) { return value.graph().value(maker_of(value).inputs[i]); }

/// x, if the value is O(x).
template <typename O>
Value inside(const Value& value) {
  return maker_of(value).op.is<O>() ? operand_of(value, 0) : kNoForm;
}

/// Whether two values are the same, or are computed alike.
bool same(const Value& a, const Value& b, int depth = 4) {
  if (a == b) return true;
  if (depth == 0 || a.output() != b.output()) return false;
  const Node& left = maker_of(a);
  const Node& right = maker_of(b);
  if (left.op.traits().stateful || !(left.op == right.op) || left.inputs.size() != right.inputs.size())
    return false;
  for (std::size_t i = 0; i < left.inputs.size(); ++i) {
    if (!same(operand_of(a, i), operand_of(b, i), depth - 1)) return false;
  }
  return !left.inputs.empty() || left.op.constant() != nullptr;
}

/// The number that all elements of a constant are. Only small constants are looked at.
std::optional<double> number_of(const Value& value) {
  constexpr std::int64_t kMostElements = 64;
  const Tensor* tensor = maker_of(value).op.constant();
  if (tensor == nullptr || tensor->elements() == 0 || tensor->elements() > kMostElements) return std::nullopt;
  return visit_dtype(tensor->dtype(), [&]<typename T>(T) -> std::optional<double> {
    const auto values = tensor->values<T>();
    const auto differs = [&](T x) { return x != values[0]; };
    if (std::ranges::any_of(values, differs)) return std::nullopt;
    return static_cast<double>(values[0]);
  });
}

/// sign * value
struct Term {
  Value value;
  bool negative = false;
};

Term term_of(Value value, bool negative) {
  for (Value x = inside<Neg>(value); x != kNoForm; x = inside<Neg>(value)) {
    value = x;
    negative = !negative;
  }
  return {value, negative};
}

/// term + number, where the number does not broadcast the term.
struct Shifted {
  Term term;
  double number = 0.0;
};

std::optional<Shifted> shifted(const Value& a, const Value& b, bool minus) {
  const Shape shape = broadcast(a.shape(), b.shape());
  if (const auto number = number_of(b); number && a.shape() == shape)
    return Shifted{term_of(a, false), minus ? -*number : *number};
  if (const auto number = number_of(a); number && b.shape() == shape)
    return Shifted{term_of(b, minus), *number};
  return std::nullopt;
}

std::optional<Shifted> shifted(const Value& sum) {
  const Op& op = maker_of(sum).op;
  if (op.is<Add>()) return shifted(operand_of(sum, 0), operand_of(sum, 1), false);
  if (op.is<Sub>()) return shifted(operand_of(sum, 0), operand_of(sum, 1), true);
  return std::nullopt;
}

/// u, if the value is 1 + e^u.
Value inside_one_plus_exp(const Value& value) {
  const auto sum = shifted(value);
  return sum && sum->number == 1.0 && !sum->term.negative ? inside<Exp>(sum->term.value) : kNoForm;
}

/// The exponents a and b of e^a + e^b or e^a - e^b.
struct TwoExponentials {
  Value a;
  Value b;
};
template <typename O>
std::optional<TwoExponentials> two_exponentials(const Value& value) {
  if (!maker_of(value).op.is<O>()) return std::nullopt;
  const TwoExponentials found{inside<Exp>(operand_of(value, 0)), inside<Exp>(operand_of(value, 1))};
  return found.a != kNoForm && found.b != kNoForm ? std::optional(found) : std::nullopt;
}

bool is_negation(const Value& a, const Value& b) {
  const Value x = inside<Neg>(a);
  const Value y = inside<Neg>(b);
  return (x != kNoForm && same(x, b)) || (y != kNoForm && same(a, y));
}

Value negated(const Value& x) {
  const Value inner = inside<Neg>(x);
  return inner != kNoForm ? inner : -x;
}

/// Whether an op only moves the elements of its one input.
bool moves_elements(const Op& op) {
  return op.is<Reshape>() || op.is<Transpose>() || op.is<BroadcastTo>() || op.is<Slice>();
}

/// e^x / sum(e^x): the softmax of the axes together.
Value softmax_over(const Value& x, const Axes& listed) {
  const Shape& shape = x.shape();
  const Axes axes = normalize_axes(listed, shape.rank());
  if (axes.empty()) return kNoForm;
  if (axes.size() == 1) return softmax(x, axes[0]);
  std::vector<Dim> dims(shape.begin(), shape.end() - static_cast<std::ptrdiff_t>(axes.size()));
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Dim& dim = shape[static_cast<std::size_t>(axes[i])];
    const bool last = axes[i] == static_cast<std::int64_t>(shape.rank() - axes.size() + i);
    if (!last || !dim.is_number()) return exp(x - logsumexp(x, axes, true));
    sizes.push_back(dim.size());
  }
  dims.emplace_back(checked_elements(sizes));
  return reshape(softmax(reshape(x, Shape(std::move(dims)))), shape);
}

/// The sum with kept axes that a value is, perhaps reshaped or repeated to the shape of `like`.
Value kept_sum(const Value& value, const Shape& like) {
  if (const auto* sum = maker_of(value).op.as<Sum>()) {
    const Shape kept = reduced_type({value.dtype(), like}, sum->axes, true).shape;
    return operand_of(value, 0).shape() == like && value.shape() == kept ? value : kNoForm;
  }
  if (inside<BroadcastTo>(value) != kNoForm) return kept_sum(operand_of(value, 0), like);
  const Value reduced = inside<Reshape>(value);
  if (reduced == kNoForm) return kNoForm;
  const auto* sum = maker_of(reduced).op.as<Sum>();
  if (sum == nullptr || operand_of(reduced, 0).shape() != like) return kNoForm;
  return value.shape() == reduced_type({value.dtype(), like}, sum->axes, true).shape ? reduced : kNoForm;
}

Value quotient_of_exponential(const Value& a, const Value& b) {
  const Value x = inside<Exp>(a);
  if (x == kNoForm) return kNoForm;
  if (const Value total = kept_sum(b, a.shape()); total != kNoForm && same(operand_of(total, 0), a))
    return softmax_over(x, maker_of(total).op.as<Sum>()->axes);
  if (const Value u = inside_one_plus_exp(b); u != kNoForm && same(u, x)) return sigmoid(x);
  if (const Value y = inside<Exp>(b); y != kNoForm) return exp(x - y);
  return kNoForm;
}

/// (e^x - e^-x) / (e^x + e^-x), and the same multiplied by e^x.
Value quotient_that_is_tanh(const Value& a, const Value& b) {
  if (const auto below = two_exponentials<Add>(b)) {
    const auto above = two_exponentials<Sub>(a);
    const bool odd = above && is_negation(above->a, above->b) && is_negation(below->a, below->b) &&
                     (same(above->a, below->a) || same(above->a, below->b));
    return odd ? tanh(above->a) : kNoForm;
  }
  const Value u = inside_one_plus_exp(b);
  if (u == kNoForm) return kNoForm;
  const Term term = term_of(a, false);
  Value v = inside<Expm1>(term.value);
  bool negative = term.negative;
  if (const auto above = shifted(a); above && std::abs(above->number) == 1.0) {
    v = inside<Exp>(above->term.value);
    negative = above->term.negative;
    if (negative != (above->number == 1.0)) return kNoForm;
  }
  if (v == kNoForm || !same(u, v)) return kNoForm;
  const Value t = tanh(u * 0.5);
  return negative ? -t : t;
}

Value stable_log(const Value& u);

/// log(1 + u) and log(1 - u)
Value log_of_shifted(const Shifted& sum) {
  if (sum.number != 1.0) return kNoForm;
  const Value u = sum.term.value;
  if (!sum.term.negative) {
    const Value x = inside<Exp>(u);
    return x != kNoForm ? softplus(x) : log1p(u);
  }
  if (const Value x = inside<Sigmoid>(u); x != kNoForm) return -softplus(x);
  if (const Value x = inside<Exp>(u); x != kNoForm) return log1mexp(x);
  return log1p(negated(u));
}

/// log(u * c) and log(u / c), where log(u) has a better form.
Value log_of_scaled(const Value& value) {
  const Op& op = maker_of(value).op;
  if (!op.is<Mul>() && !op.is<Div>()) return kNoForm;
  const auto scaled = [&](const Value& u, const Value& c) {
    const auto number = number_of(c);
    const bool positive = maker_of(c).op.is<Count>() || (number && *number > 0.0);
    if (!positive || u.shape() != value.shape()) return kNoForm;
    const Value better = stable_log(u);
    if (better == kNoForm || number == 1.0) return better;
    // The number of elements of e^x is that of x, so the better form need not keep e^x.
    const Value x = maker_of(c).op.is<Count>() ? inside<Exp>(operand_of(c, 0)) : kNoForm;
    const Value factor = x != kNoForm ? apply(maker_of(c).op, x) : c;
    return op.is<Mul>() ? better + log(factor) : better - log(factor);
  };
  if (const Value found = scaled(operand_of(value, 0), operand_of(value, 1)); found != kNoForm) return found;
  return op.is<Mul>() ? scaled(operand_of(value, 1), operand_of(value, 0)) : kNoForm;
}

/// A better form of log(u).
Value stable_log(const Value& u) {
  if (const Value x = inside<Exp>(u); x != kNoForm) return x;
  if (const Value x = inside<Softmax>(u); x != kNoForm) return apply(LogSoftmax{}, x);
  if (const Value x = inside<Sigmoid>(u); x != kNoForm) return -softplus(negated(x));
  if (const Value x = inside<Square>(u); x != kNoForm) return log(abs(x)) * 2.0;
  if (const Value x = inside<Neg>(u); x != kNoForm && maker_of(x).op.is<Expm1>())
    return log1mexp(operand_of(x, 0));
  if (const auto* total = maker_of(u).op.as<Sum>()) {
    const Value x = inside<Exp>(operand_of(u, 0));
    return x != kNoForm ? logsumexp(x, total->axes, total->keep_dims) : kNoForm;
  }
  if (const auto* average = maker_of(u).op.as<Mean>()) {
    const Value x = inside<Exp>(operand_of(u, 0));
    if (x == kNoForm) return kNoForm;
    const Value count = apply(Count{.axes = average->axes, .dtype = x.dtype()}, x);
    return logsumexp(x, average->axes, average->keep_dims) - log(count);
  }
  if (moves_elements(maker_of(u).op)) {
    const Value better = stable_log(operand_of(u, 0));
    return better != kNoForm ? apply(maker_of(u).op, better) : kNoForm;
  }
  if (const auto sum = shifted(u)) {
    if (const Value better = log_of_shifted(*sum); better != kNoForm) return better;
  }
  if (const Value better = log_of_scaled(u); better != kNoForm) return better;
  // gradients() asks for the graph as the user wrote it, where an operand may have a better form itself.
  const Node& node = maker_of(u);
  if (!node.op.is<Div>()) return kNoForm;
  const Value operands[] = {operand_of(u, 0), operand_of(u, 1)};
  const Value quotient = node.op.stabilize(operands);
  return quotient != kNoForm ? stable_log(quotient) : kNoForm;
}

/// x - log(sum(e^x)) over one axis
Value log_softmax_of(const Value& x, const Value& norm) {
  Value better = norm;
  if (const Value total = inside<Log>(norm); total != kNoForm) better = stable_log(total);
  if (better == kNoForm) return kNoForm;
  const auto* sum = maker_of(better).op.as<LogSumExp>();
  if (sum == nullptr || !same(operand_of(better, 0), x)) return kNoForm;
  const Axes axes = normalize_axes(sum->axes, x.shape().rank());
  if (axes.size() != 1 || better.shape() != reduced_type(x.type(), axes, true).shape) return kNoForm;
  return log_softmax(x, axes[0]);
}

/// e^x - 1 and 1 - e^x
Value exponential_minus_one(const std::optional<Shifted>& sum) {
  if (!sum || sum->number != (sum->term.negative ? 1.0 : -1.0)) return kNoForm;
  const Value x = inside<Exp>(sum->term.value);
  if (x == kNoForm) return kNoForm;
  return sum->term.negative ? -expm1(x) : expm1(x);
}

/// x * (c d) for (x * c) * d, where c d is exact: one rounding in place of two.
Value scaled_once(const Value& product, const Value& number) {
  const auto d = number_of(number);
  if (!d || !maker_of(product).op.is<Mul>() || !is_float(product.dtype())) return kNoForm;
  for (const std::size_t side : {0U, 1U}) {
    const Value x = operand_of(product, 1 - side);
    const auto c = number_of(operand_of(product, side));
    if (!c || x.shape() != broadcast(product.shape(), number.shape())) continue;
    const double both = *c * *d;
    const bool exact = std::fma(*c, *d, -both) == 0.0;
    const bool fits = product.dtype() == DType::f64
                          ? std::isnormal(both)
                          : std::isnormal(static_cast<float>(both)) &&
                                static_cast<double>(static_cast<float>(both)) == both;
    if (exact && fits) return x * both;
  }
  return kNoForm;
}

}  // namespace

Value Add::stabilize(std::span<const Value> inputs) const {
  return exponential_minus_one(shifted(inputs[0], inputs[1], false));
}

Value Sub::stabilize(std::span<const Value> inputs) const {
  if (const Value x = exponential_minus_one(shifted(inputs[0], inputs[1], true)); x != kNoForm) return x;
  return log_softmax_of(inputs[0], inputs[1]);
}

Value Div::stabilize(std::span<const Value> inputs) const {
  const Value& a = inputs[0];
  const Value& b = inputs[1];
  if (const Value better = quotient_of_exponential(a, b); better != kNoForm) return better;
  if (const Value better = quotient_that_is_tanh(a, b); better != kNoForm) return better;
  const Value u = inside_one_plus_exp(b);
  const Value v = inside<Exp>(b);
  if (u == kNoForm && v == kNoForm) return kNoForm;
  const Value factor = u != kNoForm ? sigmoid(negated(u)) : exp(negated(v));
  return number_of(a) == 1.0 && a.shape().is_scalar() ? factor : a * factor;
}

Value Sqrt::stabilize(std::span<const Value> inputs) const {
  if (const Value x = inside<Square>(inputs[0]); x != kNoForm) return abs(x);
  const Op& op = maker_of(inputs[0]).op;
  if (!op.is<Mul>() && !op.is<Pow>()) return kNoForm;
  const Value a = operand_of(inputs[0], 0);
  const Value b = operand_of(inputs[0], 1);
  const bool squares = op.is<Mul>() ? same(a, b) : number_of(b) == 2.0 && a.shape() == inputs[0].shape();
  return squares ? abs(a) : kNoForm;
}

Value Mul::stabilize(std::span<const Value> inputs) const {
  for (const std::size_t side : {0U, 1U}) {
    const Value& number = inputs[side];
    if (const Value better = scaled_once(inputs[1 - side], number); better != kNoForm) return better;
  }
  return kNoForm;
}

Value Pow::stabilize(std::span<const Value> inputs) const {
  const auto exponent = number_of(inputs[1]);
  if (!exponent || broadcast(inputs[0].shape(), inputs[1].shape()) != inputs[0].shape()) return kNoForm;
  if (*exponent == -1.0) return 1.0 / inputs[0];
  // The powers of -0 and of -inf are 0 and inf, and their roots are not.
  const bool has_root = inside<Square>(inputs[0]) != kNoForm || inside<Abs>(inputs[0]) != kNoForm ||
                        inside<Exp>(inputs[0]) != kNoForm;
  return *exponent == 0.5 && has_root ? sqrt(inputs[0]) : kNoForm;
}

/// sum(c x) = c sum(x) rounds once in place of once for each term. A factor below 1 stays, since the sum of x
/// may overflow.
Value Sum::stabilize(std::span<const Value> inputs) const {
  const Op& op = maker_of(inputs[0]).op;
  if (!op.is<Mul>() || !is_float(inputs[0].dtype())) return kNoForm;
  for (const std::size_t side : {0U, 1U}) {
    const Value factor = operand_of(inputs[0], side);
    const Value x = operand_of(inputs[0], 1 - side);
    const auto number = number_of(factor);
    const bool enlarges = number && std::isfinite(*number) && *number >= 1.0;
    if (enlarges && x.shape() == inputs[0].shape()) return apply(*this, x) * *number;
  }
  return kNoForm;
}

Value Log::stabilize(std::span<const Value> inputs) const { return stable_log(inputs[0]); }

Value Log1p::stabilize(std::span<const Value> inputs) const {
  const Term term = term_of(inputs[0], false);
  const Value x = inside<Exp>(term.value);
  if (x != kNoForm) return term.negative ? log1mexp(x) : softplus(x);
  const Value s = term.negative ? inside<Sigmoid>(term.value) : kNoForm;
  return s != kNoForm ? -softplus(s) : kNoForm;
}

}  // namespace weft
