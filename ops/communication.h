#pragma once
// What the ranks of a job exchange. Every rank runs the same exchanges in the same order, with tensors of the
// same types. The runtime computes these ops by its session's communicator; without one, and by their
// reference kernels, the job has one rank. They can fail, so that they come before the updates of a run, and
// they have no place inside of loops and branches, whose steps ranks may run in other numbers.
//
// Gradients are those of the sum of all ranks' losses, as every rank differentiates its own.

#include "weft/graph/graph.h"
#include "weft/ops/rank_reduction.h"

namespace weft {

struct AllReduce {  // y = the sum (mean, minimum, maximum) of x over all ranks
  static constexpr std::string_view name = "all_reduce";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  RankReduction reduction = RankReduction::sum;
  static constexpr auto attributes = weft::attributes(&AllReduce::reduction);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct AllGather {  // the x of all ranks along the first axis, in their order
  static constexpr std::string_view name = "all_gather";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  std::int64_t ranks = 1;
  static constexpr auto attributes = weft::attributes(&AllGather::ranks);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct ReduceScatter {  // part r of the sum of x over all ranks, on rank r
  static constexpr std::string_view name = "reduce_scatter";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  std::int64_t ranks = 1;
  static constexpr auto attributes = weft::attributes(&ReduceScatter::ranks);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Broadcast {  // the x of the root
  static constexpr std::string_view name = "broadcast";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  std::int64_t root = 0;
  static constexpr auto attributes = weft::attributes(&Broadcast::root);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct ReduceTo {  // the sum of x over all ranks, on the root; zeros elsewhere
  static constexpr std::string_view name = "reduce_to";
  static constexpr Traits traits{.stateful = true, .communicates = true, .can_fail = true};
  std::int64_t root = 0;
  static constexpr auto attributes = weft::attributes(&ReduceTo::root);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct RankNumber {  // of the rank that computes it, from 0
  static constexpr std::string_view name = "rank_number";
  static constexpr Traits traits{.stateful = true, .can_fail = false};
  TensorType infer() const { return {DType::i64, Shape{}}; }
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"it depends on no value"};
};

/// x of all ranks as one tensor of its type, the same on all ranks. Sums, minima and maxima of numbers, means
/// of f32 and f64; a NaN of any rank stays. The order in which ranks are added is the communicator's; the
/// simulated one adds in the order of ranks.
Value all_reduce(const Operand& x, RankReduction reduction = RankReduction::sum);
/// [n, ...] of each of `ranks` ranks as [ranks * n, ...], of any dtype.
Value all_gather(const Operand& x, std::int64_t ranks);
/// [ranks * n, ...] to [n, ...]: the sum over all ranks of the rows that are this rank's.
Value reduce_scatter(const Operand& x, std::int64_t ranks);
/// x of the rank `root`, on all ranks; of any dtype.
Value broadcast(const Operand& x, std::int64_t root = 0);
/// The sum of x over all ranks on the rank `root`; zeros on the others.
Value reduce_to(const Operand& x, std::int64_t root = 0);
/// The number of this rank, i64 [].
Value rank_number(Graph& graph, Where where = Where::current());

// Compiled once, in communication.cpp.
extern template detail::Model detail::model_of(AllReduce);
extern template detail::Model detail::model_of(AllGather);
extern template detail::Model detail::model_of(ReduceScatter);
extern template detail::Model detail::model_of(Broadcast);
extern template detail::Model detail::model_of(ReduceTo);
extern template detail::Model detail::model_of(RankNumber);

}  // namespace weft
