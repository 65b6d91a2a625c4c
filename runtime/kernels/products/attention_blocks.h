#pragma once
// What attention and its gradient have in common: their heads, blocks of scores, and masks of them. Internal
// to runtime/kernels/products/.

#include <cstddef>
#include <cstdint>

#include "weft/ops/attention.h"
#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/kernels/products/blocked_product.h"

namespace weft {

/// A block of scores: queries [query, query + rows) and keys [key, key + columns).
struct ScoreBlock {
  std::int64_t query = 0;
  std::int64_t rows = 0;
  std::int64_t key = 0;
  std::int64_t columns = 0;

  std::size_t size() const { return static_cast<std::size_t>(rows * columns); }
};

// Of a block; in f32 its scores take 64 KiB. Blocks of 64 to 256 queries and 96 to 384 keys are equally fast.
inline constexpr std::int64_t kQueriesOfBlock = 64;
inline constexpr std::int64_t kKeysOfBlock = 256;

/// What one head's queries may look at.
struct AttentionMaskOf {
  const bool* bits = nullptr;  // null: all
  MaskPlace place{};
  bool causal = false;

  /// The keys beyond the last one that a query before `end` may look at.
  std::int64_t keys_before(std::int64_t end, std::int64_t keys) const {
    return causal && end < keys ? end : keys;
  }
  bool sees_any(std::int64_t query, std::int64_t keys) const;
  /// Sets the scores of a block that are ruled out.
  template <typename T>
  void rule_out(const ScoreBlock& block, T* scores, T value) const;
};

/// The heads of a site, and the inputs of one of them.
struct AttentionSite {
  AttentionRule rule;
  AttentionHeads heads;
  std::size_t mask = 0;  // which input

  AttentionMaskOf mask_of(std::int64_t head, const KernelBuffers& buffers) const;
};

AttentionSite attention_site(const KernelSite& site, const AttentionRule& rule, const TensorType& log_sum,
                             std::size_t mask);

/// Cut along the first of the leading axes. Without one the extent is 1.
Cut attention_cut(const KernelSite& site, std::size_t mask, const Shape& y);

/// Floating-point operations of `products` products of scores with a row, half of them if the mask is causal.
Work attention_work(const KernelSite& site, const AttentionSite& at, double products);

/// The rows of blocks, in f32 by vector_functions.h.
template <typename T>
struct BlockRows {
  static void add_softmax_block(T* x, T* largest, T* sums, T* factors, std::size_t rows, std::size_t n);
  static void shifted_exp(T* x, const T* shifts, std::size_t rows, std::size_t n);
  static void softmax_slopes(const T* p, T* slopes, const T* means, T scale, std::size_t rows, std::size_t n);
};

/// Hands out parts of the scratch memory, each aligned to cache lines.
class ScratchParts {
 public:
  explicit ScratchParts(std::byte* start) : start_(start) {}
  template <typename T>
  T* take(std::int64_t elements);
  std::byte* rest() const { return start_ + used_; }
  std::size_t used() const { return used_; }

 private:
  std::byte* start_;
  std::size_t used_ = 0;
};

}  // namespace weft
