#include "weft/runtime/kernels/products/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/runtime/kernels/products/attention_blocks.h"

namespace weft {
namespace {

/// Queries [rows.begin, rows.end) of heads [heads.begin, heads.end).
struct AttentionShard {
  Range heads;
  Range queries;
};

template <typename T>
class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(const AttentionSite& site, const AttentionShard& shard)
      : site_(site), shard_(shard), functions_(panel_functions<T>()) {}

  std::size_t scratch_bytes() const override { return parts_of(nullptr).bytes; }

  void run(const KernelBuffers& buffers) override {
    const Parts parts = parts_of(buffers.scratch);
    for (std::int64_t head = shard_.heads.begin; head < shard_.heads.end; ++head) {
      const Head at = head_at(head, buffers);
      for (std::int64_t query = shard_.queries.begin; query < shard_.queries.end; query += kQueriesOfBlock) {
        const std::int64_t rows = std::min(kQueriesOfBlock, shard_.queries.end - query);
        attend({.query = query, .rows = rows, .key = 0, .columns = 0}, at, parts);
      }
    }
  }

 private:
  struct Parts {
    T* scores;
    T* largest;
    T* sums;
    T* factors;
    std::byte* product;
    std::size_t bytes;
  };
  struct Head {
    const T* q;
    const T* k;
    const T* v;
    T* y;
    T* log_sum;
    AttentionMaskOf mask;
  };

  std::int64_t most_rows() const {
    return std::min(kQueriesOfBlock, shard_.queries.end - shard_.queries.begin);
  }
  std::int64_t most_columns() const { return std::min(kKeysOfBlock, site_.heads.keys()); }

  Parts parts_of(std::byte* scratch) const {
    ScratchParts parts(scratch);
    const AttentionHeads& heads = site_.heads;
    Parts all{.scores = parts.take<T>(most_rows() * most_columns()),
              .largest = parts.take<T>(most_rows()),
              .sums = parts.take<T>(most_rows()),
              .factors = parts.take<T>(most_rows()),
              .product = scratch + parts.used(),
              .bytes = 0};
    all.bytes =
        parts.used() +
        std::max(blocked_scratch_bytes<T>({most_rows(), most_columns(), heads.features()}, functions_),
                 blocked_scratch_bytes<T>({most_rows(), heads.width(), most_columns()}, functions_));
    return all;
  }

  Head head_at(std::int64_t head, const KernelBuffers& buffers) const {
    const AttentionHeads& heads = site_.heads;
    const auto in = [&](std::size_t i) { return reinterpret_cast<const T*>(buffers.inputs[i]); };
    const std::int64_t row = head * heads.queries();
    return {.q = in(0) + heads.q_of(head),
            .k = in(1) + heads.k_of(head),
            .v = in(2) + heads.v_of(head),
            .y = reinterpret_cast<T*>(buffers.outputs[0]) + row * heads.width(),
            .log_sum = reinterpret_cast<T*>(buffers.outputs[1]) + row,
            .mask = site_.mask_of(head, buffers)};
  }

  /// The rows of a block, over all keys.
  void attend(ScoreBlock block, const Head& at, const Parts& parts) const {
    const AttentionHeads& heads = site_.heads;
    const std::int64_t width = heads.width();
    T* y = at.y + block.query * width;
    std::fill_n(parts.largest, block.rows, -std::numeric_limits<T>::infinity());
    std::fill_n(parts.sums, block.rows, T{0});
    const std::int64_t end = at.mask.keys_before(block.query + block.rows, heads.keys());
    if (end == 0) std::fill_n(y, block.rows * width, T{0});
    for (; block.key < end; block.key += kKeysOfBlock) {
      block.columns = std::min(kKeysOfBlock, end - block.key);
      multiply_in_blocks<T>(
          {.sizes = {.m = block.rows, .n = block.columns, .k = heads.features()},
           .a = {.data = at.q + block.query * heads.features(), .row = heads.features(), .column = 1},
           .b = {.data = at.k + block.key * heads.features(), .row = 1, .column = heads.features()},
           .c = parts.scores,
           .c_row = block.columns,
           .alpha = static_cast<T>(site_.rule.scale)},
          parts.product, functions_);
      at.mask.rule_out(block, parts.scores, std::numeric_limits<T>::lowest());
      BlockRows<T>::add_softmax_block(parts.scores, parts.largest, parts.sums, parts.factors,
                                      static_cast<std::size_t>(block.rows),
                                      static_cast<std::size_t>(block.columns));
      if (block.key > 0) scale_rows(y, parts.factors, block.rows);
      multiply_in_blocks<T>({.sizes = {.m = block.rows, .n = width, .k = block.columns},
                             .a = {.data = parts.scores, .row = block.columns, .column = 1},
                             .b = {.data = at.v + block.key * width, .row = width, .column = 1},
                             .c = y,
                             .c_row = width,
                             .accumulate = block.key > 0},
                            parts.product, functions_);
    }
    finish_rows(block, at, parts);
  }

  void scale_rows(T* y, const T* factors, std::int64_t rows) const {
    for (std::int64_t i = 0; i < rows; ++i) {
      if (factors[i] == T{1}) continue;
      for (std::int64_t j = 0; j < site_.heads.width(); ++j) y[i * site_.heads.width() + j] *= factors[i];
    }
  }

  void finish_rows(const ScoreBlock& block, const Head& at, const Parts& parts) const {
    for (std::int64_t i = 0; i < block.rows; ++i) {
      T* y = at.y + (block.query + i) * site_.heads.width();
      const bool sees = at.mask.sees_any(block.query + i, site_.heads.keys());
      if (sees) {
        const T part = T{1} / parts.sums[i];
        for (std::int64_t j = 0; j < site_.heads.width(); ++j) y[j] *= part;
      } else {
        std::fill_n(y, site_.heads.width(), T{0});
      }
      at.log_sum[block.query + i] =
          sees ? parts.largest[i] + std::log(parts.sums[i]) : -std::numeric_limits<T>::infinity();
    }
  }

  AttentionSite site_;
  AttentionShard shard_;
  const PanelFunctions<T>& functions_;
};

}  // namespace

std::optional<KernelChoice> attention_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Attention>();
  if (op == nullptr) return std::nullopt;
  const AttentionSite at = attention_site(site, *op, site.outputs[1], kAttentionMask);
  KernelChoice choice;
  choice.cut = attention_cut(site, kAttentionMask, site.outputs[0].shape);
  choice.work = attention_work(site, at, 2.0);
  const bool by_queries = site.outputs[0].shape.rank() == 2;
  if (by_queries) {
    choice.cut.extent = at.heads.queries();
    choice.cut.inputs[0] = Portion::rows;
  }
  choice.make = [at, by_queries, extent = choice.cut.extent,
                 single = site.inputs[0].dtype == DType::f32](Range range) -> std::unique_ptr<Kernel> {
    const std::int64_t each = by_queries || extent == 0 ? 0 : at.heads.heads() / extent;
    const AttentionShard shard{
        .heads = by_queries ? Range{.begin = 0, .end = 1} : Range{range.begin * each, range.end * each},
        .queries = by_queries ? range : Range{.begin = 0, .end = at.heads.queries()}};
    if (single) return std::make_unique<AttentionKernel<float>>(at, shard);
    return std::make_unique<AttentionKernel<double>>(at, shard);
  };
  return choice;
}

}  // namespace weft
