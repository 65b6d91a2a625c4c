// Reductions, scans, softmax and what losses and normalizations are made of.

#include <array>
#include <numeric>

#include "weft/frontends/onnx/export_node.h"
#include "weft/graph/scalar.h"
#include "weft/ops/exponential.h"
#include "weft/ops/folds.h"
#include "weft/ops/loss.h"
#include "weft/ops/moments.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/scan.h"
#include "weft/ops/softmax.h"

namespace weft::onnx {
namespace {

/// An operator whose axes are an attribute; all of them for an empty list.
std::string reduce_along(ExportNode& n, std::string_view name, const std::string& x, const Axes& axes,
                         bool keep_dims) {
  Attributes attributes{attr("keepdims", keep_dims ? 1 : 0)};
  if (!axes.empty()) attributes.push_back(attr("axes", axes));
  return n.add(name, {x}, std::move(attributes));
}

template <typename O>
NameList export_reduce(ExportNode& n, std::string_view name) {
  return {reduce_along(n, name, n.in(0), n.op<O>().axes, n.op<O>().keep_dims)};
}

/// Sums and products of u8, which ONNX lacks, are made of i64, from which a cast takes the lowest bits.
std::string summand(ExportNode& n) { return n.dtype() == DType::u8 ? n.cast(n.in(0), DType::i64) : n.in(0); }
NameList as_before(ExportNode& n, const std::string& y) {
  return {n.dtype() == DType::u8 ? n.cast(y, DType::u8) : y};
}

NameList export_sum(ExportNode& n, std::string_view) {
  return as_before(n, n.sum(summand(n), n.op<Sum>().axes, n.op<Sum>().keep_dims));
}
NameList export_prod(ExportNode& n, std::string_view name) {
  return as_before(n, reduce_along(n, name, summand(n), n.op<Prod>().axes, n.op<Prod>().keep_dims));
}

/// Whether any element is true, by counting: of no elements there is none.
std::string any_of(ExportNode& n, const std::string& x, const Axes& axes, bool keep_dims) {
  return n("Greater", n.sum(n.cast(x, DType::i64), axes, keep_dims), n.number(0.0, DType::i64));
}
NameList export_any(ExportNode& n, std::string_view) {
  return {any_of(n, n.in(0), n.op<Any>().axes, n.op<Any>().keep_dims)};
}
NameList export_all(ExportNode& n, std::string_view) {
  return {n("Not", any_of(n, n("Not", n.in(0)), n.op<All>().axes, n.op<All>().keep_dims))};
}

template <typename O>
NameList export_place(ExportNode& n, std::string_view name) {
  const std::int64_t axis = n.axis(n.op<O>().axis);
  return {n.add(name, n.inputs(), {attr("axis", axis), attr("keepdims", 0), attr("select_last_index", 0)})};
}

std::string count_along(ExportNode& n, const Axes& axes, DType dtype) {
  Dim count = 1;
  for (const std::int64_t axis : normalize_axes(axes, n.rank()))
    count = count * n.shape(0)[static_cast<std::size_t>(axis)];
  if (count.is_number()) return n.number(static_cast<double>(count.size()), dtype);
  return n.squeeze(n.cast(n.dim(count), dtype), {0});
}
NameList export_count(ExportNode& n, std::string_view) {
  return {count_along(n, n.op<Count>().axes, n.op<Count>().dtype)};
}

NameList export_cumsum(ExportNode& n, std::string_view) {
  const auto& op = n.op<CumSum>();
  const std::string axis = n.constant(Tensor::scalar(n.axis(op.axis)));
  return as_before(n, n.add("CumSum", {summand(n), axis},
                            {attr("exclusive", op.exclusive ? 1 : 0), attr("reverse", op.reverse ? 1 : 0)}));
}

/// For each element along an axis the reduction of those up to it, with `none` in place of the others: n^2
/// elements for n.
template <typename O>
std::string running(ExportNode& n, std::string_view name, const std::string& x, const std::string& none) {
  constexpr std::int64_t kLongest = 1024;
  const auto& op = n.op<O>();
  const std::int64_t axis = n.axis(op.axis);
  const Dim& size = n.shape(0)[static_cast<std::size_t>(axis)];
  if (!size.is_number() || size.size() > kLongest)
    n.refuse("its axis must have a number of at most 1024 elements");
  const std::int64_t length = size.size();
  std::vector<bool> counts;
  for (std::int64_t to = 0; to < length; ++to) {
    for (std::int64_t from = 0; from < length; ++from) {
      counts.push_back(from == to ? !op.exclusive : (from < to) != op.reverse);
    }
  }
  std::vector<std::int64_t> last(n.rank());
  std::iota(last.begin(), last.end(), std::int64_t{0});
  std::swap(last[static_cast<std::size_t>(axis)], last.back());
  const std::string rows = n.unsqueeze(n.transpose(x, last), {-2});
  const std::string mask = n.constant(Tensor::of(counts, {length, length}));
  return n.transpose(reduce_along(n, name, n.where(mask, rows, none), {-1}, false), last);
}
NameList export_cumprod(ExportNode& n, std::string_view name) {
  const std::string one = n.number(1.0, n.dtype() == DType::u8 ? DType::i64 : n.dtype());
  return as_before(n, running<CumProd>(n, name, summand(n), one));
}
template <typename Relation>
NameList export_extreme(ExportNode& n, std::string_view name) {
  Tensor worst = Tensor::uninitialized(n.dtype(), {});
  visit_dtype(n.dtype(), [&]<typename T>(T) {
    if constexpr (Number<T>) worst.mutable_values<T>()[0] = Relation::template worst<T>();
  });
  return {running<CumExtreme<Relation>>(n, name, n.in(0), n.constant(worst))};
}

std::string mean_of(ExportNode& n, const std::string& x, const Axes& axes) {
  return reduce_along(n, "ReduceMean", x, axes, true);
}
NameList export_moments(ExportNode& n, std::string_view) {
  const Axes& axes = n.op<Moments>().axes;
  const std::string x = n.cast(n.in(0), DType::f64);
  const std::string mean = mean_of(n, x, axes);
  const std::string distance = n("Sub", x, mean);
  const std::string deviation = n("Sqrt", mean_of(n, n("Mul", distance, distance), axes));
  return {n.cast(mean, n.dtype()), deviation};
}
NameList export_centred_sums(ExportNode& n, std::string_view) {
  const Axes& axes = n.op<CentredSums>().axes;
  const std::string y = n.cast(n.in(0), DType::f64);
  const std::string distance = n("Sub", n.cast(n.in(1), DType::f64), n.cast(n.in(2), DType::f64));
  return {n.cast(n.sum(y, axes, true), n.dtype()), n.sum(n("Mul", y, distance), axes, true)};
}

NameList export_norm(ExportNode& n, std::string_view) {
  const auto& op = n.op<Norm>();
  const std::string x = op.wide ? n.cast(n.in(0), DType::f64) : n.in(0);
  return {reduce_along(n, "ReduceL2", x, op.axes, op.keep_dims)};
}

NameList export_softmax(ExportNode& n, std::string_view name) {
  return {n.add(name, n.inputs(), {attr("axis", -1)})};
}

NameList export_softmax_gradient(ExportNode& n, std::string_view) {
  const std::string mean = n.sum(n("Mul", n.in(0), n.in(1)), {-1}, true);
  return {n("Mul", n.in(0), n("Sub", n.in(1), mean))};
}

/// The element of each row at its label.
std::string at_labels(ExportNode& n, const std::string& rows) {
  const std::string labels = n.unsqueeze(n.cast(n.in(1), DType::i64), {-1});
  return n.add("GatherElements", {rows, labels}, {attr("axis", static_cast<std::int64_t>(n.rank()) - 1)});
}
NameList export_cross_entropy(ExportNode& n, std::string_view) {
  const std::string logs = n.add("LogSoftmax", {n.in(0)}, {attr("axis", -1)});
  const std::string loss = n("Neg", n.squeeze(at_labels(n, logs), {-1}));
  return {loss, n.add("Softmax", {n.in(0)}, {attr("axis", -1)})};
}
NameList export_label_difference(ExportNode& n, std::string_view) {
  const Dim& classes = n.shape(0)[n.rank() - 1];
  if (!classes.is_number()) n.refuse("how many classes there are must be a number");
  return {n("Sub", n.in(0), n.one_hot(n.in(1), classes.size(), n.dtype()))};
}

constexpr std::array kReductionExports{
    exported<Sum>(export_sum),
    exported<Mean>(export_reduce<Mean>, "ReduceMean"),
    exported<Max>(export_reduce<Max>, "ReduceMax"),
    exported<Min>(export_reduce<Min>, "ReduceMin"),
    exported<Prod>(export_prod, "ReduceProd"),
    exported<LogSumExp>(export_reduce<LogSumExp>, "ReduceLogSumExp"),
    exported<Norm>(export_norm),
    exported<Any>(export_any),
    exported<All>(export_all),
    exported<ArgMax>(export_place<ArgMax>, "ArgMax"),
    exported<ArgMin>(export_place<ArgMin>, "ArgMin"),
    exported<Count>(export_count),
    exported<CumSum>(export_cumsum),
    exported<CumProd>(export_cumprod, "ReduceProd"),
    exported<CumMax>(export_extreme<MaximumSoFar>, "ReduceMax"),
    exported<CumMin>(export_extreme<MinimumSoFar>, "ReduceMin"),
    exported<Moments>(export_moments),
    exported<CentredSums>(export_centred_sums),
    exported<Softmax>(export_softmax, "Softmax"),
    exported<LogSoftmax>(export_softmax, "LogSoftmax"),
    exported<SoftmaxGradient>(export_softmax_gradient),
    exported<SoftmaxCrossEntropy>(export_cross_entropy),
    exported<LabelDifference>(export_label_difference),
};

}  // namespace

std::span<const ExportEntry> reduction_exports() { return kReductionExports; }

}  // namespace weft::onnx
