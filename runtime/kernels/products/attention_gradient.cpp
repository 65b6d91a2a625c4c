#include <algorithm>
#include <limits>
#include <utility>

#include "weft/runtime/kernels/products/attention.h"
#include "weft/runtime/kernels/products/attention_blocks.h"

namespace weft {
namespace {

template <typename T>
class AttentionGradientKernel final : public Kernel {
 public:
  AttentionGradientKernel(const AttentionSite& site, Range heads)
      : site_(site), heads_(heads), functions_(panel_functions<T>()) {}

  std::size_t scratch_bytes() const override { return parts_of(nullptr).bytes; }

  void run(const KernelBuffers& buffers) override {
    const Parts parts = parts_of(buffers.scratch);
    for (std::int64_t head = heads_.begin; head < heads_.end; ++head) {
      const Head at = head_at(head, buffers);
      const AttentionHeads& heads = site_.heads;
      if (heads.keys() == 0) std::fill_n(at.dq, heads.queries() * heads.features(), T{0});
      for (std::int64_t key = 0; key < heads.keys(); key += kKeysOfBlock)
        attend(key, std::min(kKeysOfBlock, heads.keys() - key), at, parts);
    }
  }

 private:
  struct Parts {
    T* weights;
    T* slopes;
    T* shifts;
    T* keys;    // of a block, transposed
    T* values;  // the same
    std::byte* product;
    std::size_t bytes;
  };
  struct Head {
    const T* q;
    const T* k;
    const T* v;
    const T* log_sum;
    const T* dy;
    const T* means;
    T* dq;
    T* dk;
    T* dv;
    AttentionMaskOf mask;
  };

  std::int64_t most_rows() const { return std::min(kQueriesOfBlock, site_.heads.queries()); }
  std::int64_t most_columns() const { return std::min(kKeysOfBlock, site_.heads.keys()); }

  Parts parts_of(std::byte* scratch) const {
    ScratchParts parts(scratch);
    const auto [features, width] = std::pair{site_.heads.features(), site_.heads.width()};
    const std::int64_t widest = std::max(features, width);
    Parts all{.weights = parts.take<T>(most_rows() * most_columns()),
              .slopes = parts.take<T>(most_rows() * most_columns()),
              .shifts = parts.take<T>(most_rows()),
              .keys = parts.take<T>(most_columns() * features),
              .values = parts.take<T>(most_columns() * width),
              .product = scratch + parts.used(),
              .bytes = 0};
    all.bytes = parts.used() +
                std::max({blocked_scratch_bytes<T>({most_rows(), most_columns(), widest}, functions_),
                          blocked_scratch_bytes<T>({most_rows(), widest, most_columns()}, functions_),
                          blocked_scratch_bytes<T>({most_columns(), widest, most_rows()}, functions_)});
    return all;
  }

  Head head_at(std::int64_t head, const KernelBuffers& buffers) const {
    const AttentionHeads& heads = site_.heads;
    const auto in = [&](std::size_t i) { return reinterpret_cast<const T*>(buffers.inputs[i]); };
    const auto out = [&](std::size_t i) { return reinterpret_cast<T*>(buffers.outputs[i]); };
    const std::int64_t row = head * heads.queries();
    const std::int64_t key = head * heads.keys();
    return {.q = in(0) + heads.q_of(head),
            .k = in(1) + heads.k_of(head),
            .v = in(2) + heads.v_of(head),
            .log_sum = in(3) + row,
            .dy = in(4) + row * heads.width(),
            .means = in(5) + row,
            .dq = out(0) + row * heads.features(),
            .dk = out(1) + key * heads.features(),
            .dv = out(2) + key * heads.width(),
            .mask = site_.mask_of(head, buffers)};
  }

  /// Keys [first, first + count), for all queries.
  void attend(std::int64_t first, std::int64_t count, const Head& at, const Parts& parts) const {
    const AttentionHeads& heads = site_.heads;
    const auto [features, width] = std::pair{heads.features(), heads.width()};
    std::fill_n(at.dk + first * features, count * features, T{0});
    std::fill_n(at.dv + first * width, count * width, T{0});
    functions_.transpose(at.k + first * features, features, count, features, parts.keys, count);
    functions_.transpose(at.v + first * width, width, count, width, parts.values, count);
    ScoreBlock block{.query = at.mask.causal ? first / kQueriesOfBlock * kQueriesOfBlock : 0,
                     .rows = 0,
                     .key = first,
                     .columns = 0};
    for (; block.query < heads.queries(); block.query += kQueriesOfBlock) {
      block.rows = std::min(kQueriesOfBlock, heads.queries() - block.query);
      block.columns = at.mask.keys_before(block.query + block.rows, first + count) - first;
      weigh(block, count, at, parts);
      multiply_back(block, at, parts);
    }
  }

  Strided<const T> rows_of(const T* x, std::int64_t first, std::int64_t width) const {
    return {.data = x + first * width, .row = width, .column = 1};
  }

  /// c[m, n] = a b, or that added to it.
  void multiply(const BlockedSizes& sizes, Strided<const T> a, Strided<const T> b, T* c, bool accumulate,
                const Parts& parts, double alpha = 1.0) const {
    multiply_in_blocks<T>({.sizes = sizes,
                           .a = a,
                           .b = b,
                           .c = c,
                           .c_row = sizes.n,
                           .accumulate = accumulate,
                           .alpha = static_cast<T>(alpha)},
                          parts.product, functions_);
  }

  /// The block's weights, and its slopes: scale p (dy v^T - c). Rows of transposed keys are `count` apart.
  void weigh(const ScoreBlock& block, std::int64_t count, const Head& at, const Parts& parts) const {
    const auto [features, width] = std::pair{site_.heads.features(), site_.heads.width()};
    const auto rows = static_cast<std::size_t>(block.rows);
    const auto columns = static_cast<std::size_t>(block.columns);
    multiply({.m = block.rows, .n = block.columns, .k = features}, rows_of(at.q, block.query, features),
             rows_of(parts.keys, 0, count), parts.weights, false, parts, site_.rule.scale);
    // Where a query may look at nothing, l is -inf, and all its scores are.
    for (std::int64_t i = 0; i < block.rows; ++i) {
      const T log_sum = at.log_sum[block.query + i];
      const bool sees = log_sum != -std::numeric_limits<T>::infinity();
      parts.shifts[i] = sees ? log_sum : std::numeric_limits<T>::infinity();
    }
    at.mask.rule_out(block, parts.weights, -std::numeric_limits<T>::infinity());
    BlockRows<T>::shifted_exp(parts.weights, parts.shifts, rows, columns);
    multiply({.m = block.rows, .n = block.columns, .k = width}, rows_of(at.dy, block.query, width),
             rows_of(parts.values, 0, count), parts.slopes, false, parts);
    BlockRows<T>::softmax_slopes(parts.weights, parts.slopes, at.means + block.query,
                                 static_cast<T>(site_.rule.scale), rows, columns);
  }

  void multiply_back(const ScoreBlock& block, const Head& at, const Parts& parts) const {
    const auto [features, width] = std::pair{site_.heads.features(), site_.heads.width()};
    const Strided<const T> weights = rows_of(parts.weights, 0, block.columns);
    const Strided<const T> slopes = rows_of(parts.slopes, 0, block.columns);
    multiply({.m = block.columns, .n = width, .k = block.rows}, weights.turned(),
             rows_of(at.dy, block.query, width), at.dv + block.key * width, true, parts);
    multiply({.m = block.columns, .n = features, .k = block.rows}, slopes.turned(),
             rows_of(at.q, block.query, features), at.dk + block.key * features, true, parts);
    multiply({.m = block.rows, .n = features, .k = block.columns}, slopes, rows_of(at.k, block.key, features),
             at.dq + block.query * features, block.key > 0, parts);
  }

  AttentionSite site_;
  Range heads_;
  const PanelFunctions<T>& functions_;
};

}  // namespace

std::optional<KernelChoice> attention_gradient_kernel(const KernelSite& site) {
  const auto* op = site.op.as<AttentionGradient>();
  if (op == nullptr) return std::nullopt;
  const AttentionSite at = attention_site(site, *op, site.inputs[3], kAttentionGradientMask);
  KernelChoice choice;
  choice.cut = attention_cut(site, kAttentionGradientMask, site.outputs[0].shape);
  choice.work = attention_work(site, at, 5.0);
  choice.make = [at, extent = choice.cut.extent,
                 single = site.inputs[0].dtype == DType::f32](Range range) -> std::unique_ptr<Kernel> {
    const std::int64_t each = extent == 0 ? 0 : at.heads.heads() / extent;
    const Range heads{.begin = range.begin * each, .end = range.end * each};
    if (single) return std::make_unique<AttentionGradientKernel<float>>(at, heads);
    return std::make_unique<AttentionGradientKernel<double>>(at, heads);
  };
  return choice;
}

}  // namespace weft
