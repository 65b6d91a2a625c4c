#pragma once
// Steps of training with the same bits on any number of ranks and threads. The rows of a batch, those of all
// ranks together, are cut into a fixed number of shards; the gradient of each shard is one sum, computed
// alone; and the shards are added in a fixed binary tree, within a rank or across ranks. The session must cut
// its own steps into a fixed number of pieces too (CompileOptions::cuts), and all ranks must run on the same
// kind of processor.
//
//   ranks::FixedShards step(session, {.inputs = {x, y}, .loss = loss, .parameters = parameters,
//                                     .optimizer = [&](auto g) { return optim::adam(parameters, g, 0.001);
//                                     }});
//   const auto [begin, end] = step.rows_of_rank(batch);
//   const double loss = step({images.rows(begin, end - begin), labels.rows(begin, end - begin)}, batch);

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/frontends/optim/updates.h"
#include "weft/runtime/session.h"

namespace weft::ranks {

struct FixedShardsSpec {
  /// Inputs [rows, ...] of the graph, whose first axes are one symbol.
  std::vector<Value> inputs{};
  Value loss{};                     // the mean over the rows; f32 or f64
  std::vector<Value> parameters{};  // of the loss's dtype
  /// Updates of layers, such as the running values of batch norm (nn::Trained::updates), of the loss's dtype.
  /// Each state becomes the mean over all rows of what the shards would store. A layer sees the rows of one
  /// shard: batch norm takes their mean and variance (Hoffer, Hubara and Soudry, NeurIPS 2017).
  std::vector<Value> updates{};
  optim::Optimizer optimizer{};  // from gradients to updates, which may use nothing of the inputs
  std::int64_t shards = 8;       // of each batch; more than there will be ranks
};

class FixedShards {
 public:
  /// Builds and compiles what the steps need; a communicator is that of the session. The session must outlive
  /// it. Throws Error(invalid_argument) unless shards >= 1, not fewer than ranks, and the session has fixed
  /// cuts, and for a loss or updates that exchange something with other ranks; Error(dtype_mismatch) for
  /// parameters or updates of another dtype than the loss.
  FixedShards(Session& session, const FixedShardsSpec& spec, const Where& where = Where::current());

  struct Rows {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  /// Which rows of a batch of `rows` this rank is to be fed: those of its shards, as FitOptions::shards deals
  /// them out. May be none.
  Rows rows_of_rank(std::int64_t rows) const;

  /// One step on a batch of `rows` rows, of which `inputs` are this rank's; returns the mean loss of all
  /// rows, before the step. Random numbers are drawn anew for each shard, by its number. Throws
  /// Error(bad_feed) for another number of rows than rows_of_rank says, and what calls of functions throw;
  /// then nothing has changed.
  double operator()(std::span<const Tensor> inputs, std::int64_t rows, const Where& where = Where::current());
  double operator()(std::initializer_list<Tensor> inputs, std::int64_t rows,
                    const Where& where = Where::current()) {
    return (*this)(std::span(inputs.begin(), inputs.size()), rows, where);
  }

 private:
  /// The loss, each gradient and each state in a tensor of sums, as tensors of one axis.
  std::vector<Tensor> parts_of(const Tensor& sums) const;
  void sum_shard(std::span<const Tensor> inputs, std::int64_t shard, std::int64_t rows, Tensor& sum);
  void sum_node(std::span<const Tensor> inputs, std::int64_t rows, Rows node, std::size_t depth, Tensor& sum);
  void sum_over_ranks();

  Session& session_;
  std::int64_t shards_;
  std::int64_t ranks_ = 1;
  std::int64_t rank_ = 0;
  DType dtype_;
  std::vector<Rows> parts_;    // where in a tensor of sums each of them lies
  std::int64_t elements_ = 0;  // of such a tensor
  Function shard_;             // of rows: their loss, gradients and states, as sums
  Function update_;
  std::int64_t first_run_ = 0;          // of random numbers, of the current step
  std::vector<Tensor> levels_;          // sums of the tree's levels that wait for their other half
  std::vector<Tensor> partial_;         // the sums of nodes whose shards are all this rank's
  Tensor sent_, received_, own_, all_;  // of the exchange
};

/// The nodes of the tree over `shards` shards whose shards all lie within `within`, and whose parents' do
/// not, from the left.
std::vector<FixedShards::Rows> whole_nodes(std::int64_t shards, FixedShards::Rows within);

}  // namespace weft::ranks
