#include "weft/ops/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "weft/graph/located.h"
#include "weft/ops/batching.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

// --- types ---

Shape heads_shape(const Shape& shape) { return Shape(std::vector<Dim>(shape.begin(), shape.end() - 2)); }

Shape heads_and(const Shape& heads, std::initializer_list<Dim> last) {
  std::vector<Dim> dims = heads.dims();
  dims.insert(dims.end(), last);
  return Shape(std::move(dims));
}

const Dim& last_but(const TensorType& x, std::size_t i) { return x.shape[x.shape.rank() - 1 - i]; }

void expect_attention_inputs(std::span<const TensorType> inputs, std::size_t mask) {
  if (inputs.size() == mask || inputs.size() == mask + 1) return;
  throw Error(ErrorCode::invalid_argument, "attention takes other inputs",
              {.expected = fmt::format("{} inputs, or {} with a mask", mask, mask + 1),
               .actual = fmt::format("{}", inputs.size())});
}

/// The types of y and l.
std::array<TensorType, 2> attention_types(const TensorType& q, const TensorType& k, const TensorType& v,
                                          const TensorType* mask) {
  if (!is_float(q.dtype) || k.dtype != q.dtype || v.dtype != q.dtype ||
      (mask != nullptr && mask->dtype != DType::boolean)) {
    throw Error(ErrorCode::dtype_mismatch,
                "queries, keys and values are of one floating dtype, a mask is bool",
                {.actual = fmt::format("{}, {}, {}", to_string(q), to_string(k), to_string(v)) +
                           (mask == nullptr ? "" : ", " + to_string(*mask))});
  }
  const bool fits = q.shape.rank() >= 2 && k.shape.rank() >= 2 && v.shape.rank() >= 2 &&
                    last_but(q, 0) == last_but(k, 0) && last_but(k, 1) == last_but(v, 1);
  if (!fits) {
    throw Error(
        ErrorCode::shape_mismatch, "queries have as many features as keys, and there is a value for each key",
        {.expected = "[..., t, d], [..., s, d] and [..., s, e]",
         .actual = fmt::format("{}, {} and {}", to_string(q.shape), to_string(k.shape), to_string(v.shape))});
  }
  const Shape heads = broadcast(broadcast(heads_shape(q.shape), heads_shape(k.shape)), heads_shape(v.shape));
  const Shape scores = heads_and(heads, {last_but(q, 1), last_but(k, 1)});
  if (mask != nullptr && broadcast(mask->shape, scores) != scores) {
    throw Error(ErrorCode::shape_mismatch, "a mask says of each query and key whether they may meet",
                {.expected = fmt::format("bool{} or what broadcasts to it", to_string(scores)),
                 .actual = to_string(*mask)});
  }
  return {TensorType{q.dtype, heads_and(heads, {last_but(q, 1), last_but(v, 0)})},
          TensorType{q.dtype, heads_and(heads, {last_but(q, 1)})}};
}

const TensorType* mask_type(std::span<const TensorType> inputs, std::size_t mask) {
  return inputs.size() > mask ? &inputs[mask] : nullptr;
}

// --- reference kernels ---

std::vector<std::int64_t> sizes_of_arg(std::span<const std::int64_t> sizes) {
  return {sizes.begin(), sizes.end()};
}

template <typename Args>
AttentionHeads heads_of(const Args& inputs, std::span<const std::int64_t> log_sum, std::size_t mask) {
  const bool has_mask = inputs.size() > mask;
  return {sizes_of_arg(inputs[0].sizes),
          sizes_of_arg(inputs[1].sizes),
          sizes_of_arg(inputs[2].sizes),
          sizes_of_arg(log_sum),
          has_mask ? sizes_of_arg(inputs[mask].sizes) : std::vector<std::int64_t>{},
          has_mask};
}

double dot_of(const auto* a, const auto* b, std::int64_t n) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// Which keys the queries of one head may look at.
struct Allowed {
  const bool* mask = nullptr;
  MaskPlace place;
  bool causal = false;

  bool operator()(std::int64_t query, std::int64_t key) const {
    if (causal && key > query) return false;
    return mask == nullptr || mask[place.first + query * place.row + key * place.column];
  }
};

Allowed allowed_in(const KernelArgs& args, const AttentionHeads& heads, std::int64_t head, bool causal,
                   std::size_t mask) {
  if (!heads.has_mask()) return {.mask = nullptr, .place = {}, .causal = causal};
  return {.mask = args.inputs[mask].as<const bool>().data(), .place = heads.mask_of(head), .causal = causal};
}

template <typename T>
void attend_query(const AttentionRule& rule, const Allowed& allowed, const AttentionHeads& heads,
                  std::int64_t query, const T* q, const T* k, const T* v, T* y, T* log_sum) {
  const std::int64_t keys = heads.keys();
  std::vector<double> weights(static_cast<std::size_t>(keys));
  bool sees = false;
  double largest = -std::numeric_limits<double>::infinity();
  bool is_number = true;
  for (std::int64_t j = 0; j < keys; ++j) {
    const bool may = allowed(query, j);
    double& score = weights[static_cast<std::size_t>(j)];
    score = may ? rule.scale * dot_of(q, k + j * heads.features(), heads.features())
                : static_cast<double>(std::numeric_limits<T>::lowest());
    sees = sees || may;
    is_number = is_number && score == score;
    largest = std::max(largest, score);
  }
  if (!is_number) largest = std::numeric_limits<double>::quiet_NaN();
  double total = 0.0;
  for (double& weight : weights) {
    weight = std::exp(weight - largest);
    total += weight;
  }
  *log_sum = sees ? static_cast<T>(largest + std::log(total)) : -std::numeric_limits<T>::infinity();
  for (std::int64_t i = 0; i < heads.width(); ++i) {
    double sum = 0.0;
    for (std::int64_t j = 0; sees && j < keys; ++j)
      sum += weights[static_cast<std::size_t>(j)] / total * static_cast<double>(v[j * heads.width() + i]);
    y[i] = static_cast<T>(sum);
  }
}

template <typename T>
void attend_all(const AttentionRule& rule, const KernelArgs& args) {
  const AttentionHeads heads = heads_of(args.inputs, args.outputs[1].sizes, kAttentionMask);
  const T* q = args.inputs[0].as<const T>().data();
  const T* k = args.inputs[1].as<const T>().data();
  const T* v = args.inputs[2].as<const T>().data();
  T* y = args.outputs[0].as<T>().data();
  T* log_sum = args.outputs[1].as<T>().data();
  for (std::int64_t head = 0; head < heads.heads(); ++head) {
    const Allowed allowed = allowed_in(args, heads, head, rule.causal, kAttentionMask);
    for (std::int64_t i = 0; i < heads.queries(); ++i) {
      const std::int64_t row = head * heads.queries() + i;
      attend_query(rule, allowed, heads, i, q + heads.q_of(head) + i * heads.features(), k + heads.k_of(head),
                   v + heads.v_of(head), y + row * heads.width(), log_sum + row);
    }
  }
}

/// to += factor * from
void add_row(std::vector<double>& to, std::int64_t row, double factor, const auto* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    to[static_cast<std::size_t>(row * n + i)] += factor * static_cast<double>(from[i]);
}

template <typename T>
void attend_backwards(const AttentionRule& rule, const KernelArgs& args) {
  const AttentionHeads heads = heads_of(args.inputs, args.inputs[3].sizes, kAttentionGradientMask);
  const std::int64_t queries = heads.queries();
  const std::int64_t keys = heads.keys();
  const std::int64_t features = heads.features();
  const std::int64_t width = heads.width();
  const auto in = [&](std::size_t i) { return args.inputs[i].as<const T>().data(); };
  for (std::int64_t head = 0; head < heads.heads(); ++head) {
    const Allowed allowed = allowed_in(args, heads, head, rule.causal, kAttentionGradientMask);
    std::vector<double> dq(static_cast<std::size_t>(queries * features), 0.0);
    std::vector<double> dk(static_cast<std::size_t>(keys * features), 0.0);
    std::vector<double> dv(static_cast<std::size_t>(keys * width), 0.0);
    for (std::int64_t i = 0; i < queries; ++i) {
      const std::int64_t row = head * queries + i;
      const T* q = in(0) + heads.q_of(head) + i * features;
      const T* dy = in(4) + row * width;
      for (std::int64_t j = 0; j < keys; ++j) {
        if (!allowed(i, j)) continue;
        const T* k = in(1) + heads.k_of(head) + j * features;
        const T* v = in(2) + heads.v_of(head) + j * width;
        const double p = std::exp(rule.scale * dot_of(q, k, features) - static_cast<double>(in(3)[row]));
        const double ds = rule.scale * p * (dot_of(dy, v, width) - static_cast<double>(in(5)[row]));
        add_row(dv, j, p, dy, width);
        add_row(dq, i, ds, k, features);
        add_row(dk, j, ds, q, features);
      }
    }
    const auto copy = [&](const std::vector<double>& from, std::size_t output) {
      T* to = args.outputs[output].as<T>().data() + head * static_cast<std::int64_t>(from.size());
      for (const double x : from) *to++ = static_cast<T>(x);
    };
    copy(dq, 0);
    copy(dk, 1);
    copy(dv, 2);
  }
}

// --- gradients ---

Value plus(const Value& a, const Value& b) {
  if (!a.has_value()) return b;
  return b.has_value() ? a + b : a;
}

Value beside_keys(const Value& of_queries) { return expand_dims(of_queries, -1); }

/// Which keys may be looked at, for ops on scores; empty if it is all.
Value allowed_keys(const AttentionRule& rule, const Value& scores, const Value& mask) {
  if (!rule.causal) return mask;
  const Value past = expand_dims(positions(scores, -2), 1) >= positions(scores, -1);
  return mask.has_value() ? logical_and(mask, past) : past;
}

/// e^(scores - l), and 0 where a query may not look: the exponent is masked, so that no power overflows.
Value weights_of(const AttentionRule& rule, const Value& q, const Value& k, const Value& log_sum,
                 const Value& mask) {
  const Value scores = matmul(q, k, false, true) * rule.scale;
  const Value exponent = scores - beside_keys(log_sum);
  const Value allowed = allowed_keys(rule, scores, mask);
  const double lowest = q.dtype() == DType::f32 ? static_cast<double>(std::numeric_limits<float>::lowest())
                                                : std::numeric_limits<double>::lowest();
  return exp(allowed.has_value() ? where(allowed, exponent, lowest) : exponent);
}

/// x with axes of size 1 after its first one, so that it has `rank` axes.
Value with_rank(const Value& x, std::size_t rank) {
  if (x.shape().rank() >= rank) return x;
  std::vector<Dim> dims = x.shape().dims();
  dims.insert(dims.begin() + 1, rank - dims.size(), Dim(1));
  return reshape(x, Shape(std::move(dims)));
}

/// Inputs for a batch of examples whose largest has `rank` axes: those that have the leading axes of the
/// result are repeated, the others broadcast.
std::vector<Value> batched_inputs(const BatchArgs& args, std::size_t rank,
                                  std::initializer_list<std::size_t> whole) {
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < args.inputs.size(); ++i) {
    const bool is_whole = std::ranges::find(whole, i) != whole.end();
    inputs.push_back(is_whole ? repeated(args, i) : aligned(args, i, rank));
  }
  inputs[0] = with_rank(inputs[0], rank + 1);
  return inputs;
}

std::size_t largest_rank(const BatchArgs& args, std::size_t inputs) {
  std::size_t rank = 0;
  for (std::size_t i = 0; i < inputs; ++i) rank = std::max(rank, example_shape(args, i).rank());
  return rank;
}

}  // namespace

AttentionHeads::AttentionHeads(std::vector<std::int64_t> q, std::vector<std::int64_t> k,
                               std::vector<std::int64_t> v, std::vector<std::int64_t> log_sum,
                               std::vector<std::int64_t> mask, bool has_mask)
    : q_(std::move(q)),
      k_(std::move(k)),
      v_(std::move(v)),
      mask_(std::move(mask)),
      all_(std::move(log_sum)),
      has_mask_(has_mask) {
  all_.push_back(keys());
  for (std::size_t axis = 0; axis + 2 < all_.size(); ++axis) heads_ *= all_[axis];
  if (mask_.size() < 2) mask_.insert(mask_.begin(), 2 - mask_.size(), 1);
}

std::int64_t AttentionHeads::matrix(std::int64_t head, const std::vector<std::int64_t>& sizes) const {
  return broadcast_matrix(head, all_, sizes);
}

MaskPlace AttentionHeads::mask_of(std::int64_t head) const {
  const std::int64_t rows = mask_.end()[-2];
  const std::int64_t columns = mask_.back();
  return {.first = matrix(head, mask_) * rows * columns,
          .row = rows == 1 ? 0 : columns,
          .column = columns == 1 ? 0 : 1};
}

std::array<TensorType, 2> Attention::infer(std::span<const TensorType> inputs) const {
  expect_attention_inputs(inputs, kAttentionMask);
  return attention_types(inputs[0], inputs[1], inputs[2], mask_type(inputs, kAttentionMask));
}

void Attention::forward(const KernelArgs& args) const {
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { attend_all<T>(*this, args); });
}

std::vector<Value> Attention::gradient(const GradientArgs& args) const {
  const Value& y = args.outputs[0];
  const Value& dl = args.output_gradients[1];
  const Value dy = args.output_gradients[0].has_value()
                       ? args.output_gradients[0]
                       : broadcast_to(constant(y.graph(), 0.0, y.dtype()), y.shape());
  const Value along = sum(dy * y, {-1});
  std::vector<Value> inputs{args.inputs[0],
                            args.inputs[1],
                            args.inputs[2],
                            args.outputs[1],
                            dy,
                            dl.has_value() ? along - dl : along};
  const bool has_mask = args.inputs.size() > kAttentionMask;
  if (has_mask) inputs.push_back(args.inputs[kAttentionMask]);
  std::vector<Value> gradients = apply_to(AttentionGradient{*this}, inputs);
  if (has_mask) gradients.emplace_back();
  return gradients;
}

/// The queries have all the leading axes.
std::vector<Value> Attention::batch(const BatchArgs& args) const {
  return apply_to(*this, batched_inputs(args, largest_rank(args, kAttentionMask), {0}));
}

std::array<TensorType, 3> AttentionGradient::infer(std::span<const TensorType> inputs) const {
  expect_attention_inputs(inputs, kAttentionGradientMask);
  const auto [y, l] =
      attention_types(inputs[0], inputs[1], inputs[2], mask_type(inputs, kAttentionGradientMask));
  if (inputs[3] != l || inputs[4] != y || inputs[5] != l) {
    throw Error(ErrorCode::shape_mismatch, "a gradient must have the type of its value",
                {.expected = fmt::format("{}, {} and {}", to_string(l), to_string(y), to_string(l)),
                 .actual = fmt::format("{}, {} and {}", to_string(inputs[3]), to_string(inputs[4]),
                                       to_string(inputs[5]))});
  }
  const Shape heads = heads_shape(y.shape);
  const Dim& keys = last_but(inputs[1], 1);
  return {TensorType{y.dtype, heads_and(heads, {last_but(y, 1), last_but(inputs[0], 0)})},
          TensorType{y.dtype, heads_and(heads, {keys, last_but(inputs[0], 0)})},
          TensorType{y.dtype, heads_and(heads, {keys, last_but(y, 0)})}};
}

void AttentionGradient::forward(const KernelArgs& args) const {
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { attend_backwards<T>(*this, args); });
}

// The rule differentiates <gq, dq> + <gk, dk> + <gv, dv> by ops on whole matrices of scores.
std::vector<Value> AttentionGradient::gradient(const GradientArgs& args) const {
  const Value& q = args.inputs[0];
  const Value& k = args.inputs[1];
  const Value& v = args.inputs[2];
  const Value& dy = args.inputs[4];
  const Value& gq = args.output_gradients[0];
  const Value& gk = args.output_gradients[1];
  const Value& gv = args.output_gradients[2];
  const Value mask =
      args.inputs.size() > kAttentionGradientMask ? args.inputs[kAttentionGradientMask] : Value();
  const Value p = weights_of(*this, q, k, args.inputs[3], mask);
  const Value slope = matmul(dy, v, false, true) - beside_keys(args.inputs[5]);
  const Value ds = p * slope * scale;
  Value to_ds;  // the gradient with respect to ds / scale
  if (gq.has_value()) to_ds = matmul(gq, k, false, true) * scale;
  if (gk.has_value()) to_ds = plus(to_ds, matmul(q, gk, false, true) * scale);
  Value to_p;
  if (to_ds.has_value()) to_p = to_ds * slope;
  if (gv.has_value()) to_p = plus(to_p, matmul(dy, gv, false, true));
  const Value to_scores = to_p * p;
  const Value scaled = to_scores * scale;

  std::vector<Value> to(args.inputs.size());
  to[0] = matmul(scaled, k);
  to[1] = matmul(scaled, q, true);
  if (gk.has_value()) to[0] = to[0] + matmul(ds, gk);
  if (gq.has_value()) to[1] = to[1] + matmul(ds, gq, true);
  to[3] = -sum(to_scores, {-1});
  if (to_ds.has_value()) {
    const Value to_slope = to_ds * p;
    to[2] = matmul(to_slope, dy, true);
    to[4] = matmul(to_slope, v);
    to[5] = -sum(to_slope, {-1});
  }
  if (gv.has_value()) to[4] = plus(to[4], matmul(p, gv));
  return to;
}

std::vector<Value> AttentionGradient::batch(const BatchArgs& args) const {
  return apply_to(*this, batched_inputs(args, largest_rank(args, kAttentionMask), {0, 3, 4, 5}));
}

AttentionOf attention(const Operand& q, const Operand& k, const Operand& v, const AttentionRule& rule,
                      const Value& allowed) {
  return located(Attention::name, q.where(), [&]() -> AttentionOf {
    const Value queries = q.value(Attention::name);
    const Scope origin(queries.graph(), Attention::name, q.where());
    std::vector<Value> inputs{queries, k.value(Attention::name), v.value(Attention::name)};
    if (allowed.has_value()) inputs.push_back(allowed);
    const std::vector<Value> outputs = apply_to(Attention{rule}, inputs);
    return {.y = outputs[0], .log_sum = outputs[1]};
  });
}

template detail::Model detail::model_of(Attention);
template detail::Model detail::model_of(AttentionGradient);

}  // namespace weft
