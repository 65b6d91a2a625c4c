// Attention, which stores no scores here, as products and softmax, which do.

#include <array>
#include <limits>
#include <numeric>

#include "weft/frontends/onnx/export_node.h"
#include "weft/ops/attention.h"

namespace weft::onnx {
namespace {

std::string with_rows_as_columns(ExportNode& n, const std::string& x, std::size_t rank) {
  std::vector<std::int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[rank - 1], order[rank - 2]);
  return n.transpose(x, order);
}

/// 0, 1, ... up to a size.
std::string count_up(ExportNode& n, const Dim& size) {
  const std::string zero = n.number(0.0, DType::i64);
  return n("Range", zero, n.squeeze(n.dim(size), {0}), n.number(1.0, DType::i64));
}

/// Whether a query may look at a key: the mask, if there is one as input `mask`, and the causal rule. ""
/// where every query may look at every key.
std::string allowed_pairs(ExportNode& n, const AttentionRule& rule, std::size_t mask) {
  std::string given = n.size() > mask ? n.in(mask) : "";
  if (!given.empty() && n.rank(mask) == 0) given = n.unsqueeze(given, {0});
  if (!rule.causal) return given;
  const std::string queries = n.unsqueeze(count_up(n, n.shape(0)[n.rank(0) - 2]), {-1});
  const std::string causal = n("LessOrEqual", count_up(n, n.shape(1)[n.rank(1) - 2]), queries);
  return given.empty() ? causal : n("And", given, causal);
}

std::string scores_of(ExportNode& n, const AttentionRule& rule) {
  const std::string products = n("MatMul", n.in(0), with_rows_as_columns(n, n.in(1), n.rank(1)));
  return n("Mul", products, n.number(rule.scale));
}

double lowest(DType dtype) {
  return dtype == DType::f32 ? static_cast<double>(std::numeric_limits<float>::lowest())
                             : std::numeric_limits<double>::lowest();
}

NameList export_attention(ExportNode& n, std::string_view) {
  const auto& op = n.op<Attention>();
  const std::string allowed = allowed_pairs(n, op, 3);
  std::string scores = scores_of(n, op);
  if (!allowed.empty()) scores = n.where(allowed, scores, n.number(lowest(n.dtype())));
  std::string weights = n.add("Softmax", {scores}, {attr("axis", -1)});
  const Attributes along_keys{attr("axes", std::vector<std::int64_t>{-1}), attr("keepdims", 0)};
  std::string sums = n.add("ReduceLogSumExp", {scores}, along_keys);
  if (!allowed.empty()) {
    weights = n.where(allowed, weights, n.number(0.0));
    const std::string sees_any = n.add("ReduceMax", {n.cast(allowed, n.dtype())}, along_keys);
    sums =
        n.where(n("Less", n.number(0.0), sees_any), sums, n.number(-std::numeric_limits<double>::infinity()));
  }
  return {n("MatMul", weights, n.in(2)), sums};
}

NameList export_attention_gradient(ExportNode& n, std::string_view) {
  const auto& op = n.op<AttentionGradient>();
  const std::string allowed = allowed_pairs(n, op, 6);
  std::string weights = n("Exp", n("Sub", scores_of(n, op), n.unsqueeze(n.in(3), {-1})));
  if (!allowed.empty()) weights = n.where(allowed, weights, n.number(0.0));
  const std::size_t rank = n.out().shape.rank();
  const std::string& dy = n.in(4);
  const std::string of_values = n("MatMul", dy, with_rows_as_columns(n, n.in(2), n.rank(2)));
  const std::string distances = n("Sub", of_values, n.unsqueeze(n.in(5), {-1}));
  const std::string slopes = n("Mul", n("Mul", weights, distances), n.number(op.scale));
  return {n("MatMul", slopes, n.in(1)), n("MatMul", with_rows_as_columns(n, slopes, rank), n.in(0)),
          n("MatMul", with_rows_as_columns(n, weights, rank), dy)};
}

constexpr std::array kAttentionExports{
    exported<Attention>(export_attention),
    exported<AttentionGradient>(export_attention_gradient),
};

}  // namespace

std::span<const ExportEntry> attention_exports() { return kAttentionExports; }

}  // namespace weft::onnx
