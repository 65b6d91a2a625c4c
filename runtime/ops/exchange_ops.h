#pragma once
// A sum over ranks in two steps, between which other steps run: `exchange_start` begins it for several
// tensors, which lie side by side in the arena, and `exchange_finish` waits for it.

#include "weft/ops/rank_reduction.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {

struct ExchangeStart {  // x..., and the ticket of their exchange, i64 []; until it is finished, x... are
                        // nobody's
  static constexpr std::string_view name = "exchange_start";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  RankReduction reduction = RankReduction::sum;
  static constexpr auto attributes = weft::attributes(&ExchangeStart::reduction);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;  // of a job of one rank
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

struct ExchangeFinish {  // of x... and their ticket: the sums
  static constexpr std::string_view name = "exchange_finish";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// Where in a bucket tensors of so many bytes lie, one after the other, each aligned as the arena is.
struct BucketLayout {
  std::vector<std::size_t> offsets{};
  std::size_t bytes = 0;  // from the first to the end of the last
};
BucketLayout bucket_layout(std::span<const std::size_t> bytes);

// Compiled once, in exchange_ops.cpp.
extern template detail::Model detail::model_of(ExchangeStart);
extern template detail::Model detail::model_of(ExchangeFinish);

}  // namespace weft
