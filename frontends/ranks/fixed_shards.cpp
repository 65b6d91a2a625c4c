#include "weft/frontends/ranks/fixed_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/ranks/bytes.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/graph/program.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/runtime/ranks/combine.h"

namespace weft::ranks {
namespace {

using Rows = FixedShards::Rows;

bool is_within(const Rows& node, const Rows& range) {
  return range.begin <= node.begin && node.end <= range.end;
}
bool meet(const Rows& a, const Rows& b) { return a.begin < b.end && b.begin < a.end; }
/// Where the left half of a node of the tree ends.
std::int64_t middle(const Rows& node) { return node.begin + (node.end - node.begin + 1) / 2; }

void collect_whole(const Rows& node, const Rows& within, std::vector<Rows>& whole) {
  if (!meet(node, within)) return;
  if (is_within(node, within)) {
    whole.push_back(node);
    return;
  }
  collect_whole({node.begin, middle(node)}, within, whole);
  collect_whole({middle(node), node.end}, within, whole);
}

/// Part `part` of `parts` of as many as `count`, as ranks and shards take theirs (shares.h).
Rows share_of(std::int64_t count, std::int64_t parts, std::int64_t part) {
  const Share own = ranks::rows_of_rank(count, part, parts);
  return {own.first, own.first + own.count};
}

/// a += b
void add_to(Tensor& a, const std::byte* b) {
  const std::array<const std::byte*, 2> terms{bytes_of(a), b};
  combine(a.dtype(), RankReduction::sum, terms, bytes_of(a), a.elements());
}

/// The parameters, and what the updates of layers store to.
std::vector<Value> states_of(const FixedShardsSpec& spec) {
  std::vector<Value> states = spec.parameters;
  for (const Value& update : spec.updates) states.push_back(optim::assignment_of(update).target);
  return states;
}

/// Ranks have different numbers of shards, so that they would wait for each other.
void expect_no_exchange(const FixedShardsSpec& spec, const Where& where) {
  std::vector<Value> roots = spec.updates;
  roots.push_back(spec.loss);
  const Graph& graph = spec.loss.graph();
  for (const NodeId id : needed_nodes(graph, roots)) {
    const Node& node = graph.node(id);
    if (!node.op.traits().communicates) continue;
    throw Error(ErrorCode::invalid_argument, "a shard exchanges nothing with other ranks",
                {.op = "fixed_shards",
                 .node = node.name,
                 .expected = "a loss of the rows that are fed; batch norm without all_ranks",
                 .actual = std::string(node.op.name()),
                 .where = to_string(where)});
  }
}

void expect_spec(const Session& session, const FixedShardsSpec& spec, std::int64_t ranks,
                 const Where& where) {
  if (spec.shards < std::max<std::int64_t>(ranks, 1) || session.cuts() < 1) {
    throw Error(ErrorCode::invalid_argument, "the same bits need fixed numbers of shards and cuts",
                {.op = "fixed_shards",
                 .expected = fmt::format("shards >= {} and a session with .compile = {{.cuts = n}}", ranks),
                 .actual = fmt::format("shards = {}, cuts = {}", spec.shards, session.cuts()),
                 .where = to_string(where)});
  }
  expect_value(spec.loss, "fixed_shards", "the loss", where);
  expect_values(spec.inputs, "fixed_shards", "input", where);
  expect_values(spec.parameters, "fixed_shards", "parameter", where);
  for (const Value& state : states_of(spec)) {
    if (state.dtype() == spec.loss.dtype()) continue;
    throw Error(ErrorCode::dtype_mismatch, "the loss, all parameters and all updates have one dtype",
                {.op = "fixed_shards",
                 .node = state.name(),
                 .expected = std::string(name_of(spec.loss.dtype())),
                 .actual = std::string(name_of(state.dtype())),
                 .where = to_string(where)});
  }
  expect_no_exchange(spec, where);
}

/// The loss, the gradients and the states side by side, each at the beginning of a cache line.
std::vector<Rows> parts_side_by_side(const FixedShardsSpec& spec) {
  constexpr std::int64_t kAlignment = 16;  // elements
  std::vector<Rows> parts{{0, 1}};
  for (const Value& state : states_of(spec)) {
    const std::int64_t begin = (parts.back().end + kAlignment - 1) / kAlignment * kAlignment;
    parts.push_back({begin, begin + state.shape().elements()});
  }
  return parts;
}

/// The loss, the gradients and the states as sums over rows.
Function compile_shard(Session& session, const FixedShardsSpec& spec) {
  const Value rows = rows_of(spec.inputs[0]);
  std::vector<Value> sums = sums_over_rows(spec.loss, spec.parameters, rows);
  for (const Value& update : spec.updates)
    sums.push_back(times_rows(optim::assignment_of(update).next, rows));
  for (Value& sum : sums) sum = reshape(sum, {sum.shape().elements()});
  return session.compile({.inputs = spec.inputs, .outputs = sums});
}

/// From the sums and 1 / rows, 0 without rows, to updates; the loss is the output.
Function compile_update(Session& session, const FixedShardsSpec& spec) {
  Graph& graph = spec.loss.graph();
  const DType dtype = spec.loss.dtype();
  std::vector<Value> inputs;
  std::vector<Value> means;
  {
    const Scope scope(graph, "fixed_shards");
    inputs = {input(graph, "factor", dtype, {}), input(graph, "loss", dtype, {1})};
    for (const Value& state : states_of(spec)) {
      const std::string name = "sum" + std::to_string(means.size());
      inputs.push_back(input(graph, name, dtype, {state.shape().elements()}));
      means.push_back(reshape(inputs.back(), state.shape()) * inputs[0]);
    }
  }
  const std::span<const Value> slopes = std::span(means).first(spec.parameters.size());
  std::vector<Value> updates = spec.optimizer(slopes);
  for (std::size_t i = 0; i < spec.updates.size(); ++i) {
    const Value state = optim::assignment_of(spec.updates[i]).target;
    updates.push_back(assign(state, weft::where(inputs[0] > 0.0, means[slopes.size() + i], state)));
  }
  return session.compile(
      {.inputs = inputs, .outputs = {reshape(inputs[1], {}) * inputs[0]}, .updates = updates});
}

}  // namespace

std::vector<Rows> whole_nodes(std::int64_t shards, Rows within) {
  std::vector<Rows> whole;
  collect_whole({0, shards}, within, whole);
  return whole;
}

FixedShards::FixedShards(Session& session, const FixedShardsSpec& spec, const Where& where)
    : session_(session),
      shards_(spec.shards),
      ranks_(session.communicator() == nullptr ? 1 : session.communicator()->size()),
      rank_(session.communicator() == nullptr ? 0 : session.communicator()->rank()),
      dtype_((expect_spec(session, spec, ranks_, where), spec.loss.dtype())),
      parts_(parts_side_by_side(spec)),
      elements_(parts_.back().end),
      shard_(compile_shard(session, spec)),
      update_(compile_update(session, spec)) {
  std::size_t partials = 0;  // the most that a rank has
  for (std::int64_t rank = 0; rank < ranks_; ++rank)
    partials = std::max(partials, whole_nodes(shards_, share_of(shards_, ranks_, rank)).size());
  for (std::size_t i = 0; i < partials; ++i) partial_.push_back(Tensor::zeros(dtype_, {elements_}));
  for (std::int64_t left = 1; left < shards_; left *= 2)
    levels_.push_back(Tensor::zeros(dtype_, {elements_}));
  if (ranks_ == 1) return;
  const std::int64_t piece = (elements_ + ranks_ - 1) / ranks_;
  const auto count = static_cast<std::int64_t>(partials);
  sent_ = Tensor::zeros(dtype_, {ranks_, count, piece});
  received_ = Tensor::zeros(dtype_, {ranks_, count, piece});
  own_ = Tensor::zeros(dtype_, {piece});
  all_ = Tensor::zeros(dtype_, {ranks_ * piece});
}

Rows FixedShards::rows_of_rank(std::int64_t rows) const {
  const Share own = ranks::rows_of_rank(rows, rank_, ranks_, shards_);
  return {own.first, own.first + own.count};
}

std::vector<Tensor> FixedShards::parts_of(const Tensor& sums) const {
  std::vector<Tensor> parts;
  for (const Rows& part : parts_) parts.push_back(sums.rows(part.begin, part.end - part.begin));
  return parts;
}

void FixedShards::sum_shard(std::span<const Tensor> inputs, std::int64_t shard, std::int64_t rows,
                            Tensor& sum) {
  const Rows own = share_of(rows, shards_, shard);
  if (own.begin == own.end) {
    std::memset(sum.mutable_data(), 0, sum.bytes());
    return;
  }
  const std::int64_t before = rows_of_rank(rows).begin;
  std::vector<Tensor> fed;
  for (const Tensor& input : inputs) fed.push_back(input.rows(own.begin - before, own.end - own.begin));
  session_.set_random_position({.seed = session_.seed(), .run = first_run_ + shard});
  std::vector<Tensor> parts = parts_of(sum);
  shard_.run_into(fed, parts);
}

void FixedShards::sum_node(std::span<const Tensor> inputs, std::int64_t rows, Rows node, std::size_t depth,
                           Tensor& sum) {
  if (node.end - node.begin == 1) {
    sum_shard(inputs, node.begin, rows, sum);
    return;
  }
  sum_node(inputs, rows, {node.begin, middle(node)}, depth + 1, sum);
  sum_node(inputs, rows, {middle(node), node.end}, depth + 1, levels_[depth]);
  add_to(sum, bytes_of(levels_[depth]));
}

/// Each rank adds a piece of all ranks' partial sums along the tree; then all get the pieces of all.
void FixedShards::sum_over_ranks() {
  Communicator& ranks = *session_.communicator();
  const std::size_t piece = own_.bytes();
  const std::size_t partials = partial_.size();
  for (std::size_t i = 0; i < partials; ++i) {
    for (std::size_t to = 0; to < static_cast<std::size_t>(ranks_); ++to) {
      const std::size_t begin = std::min(to * piece, partial_[i].bytes());
      const std::size_t count = std::min(piece, partial_[i].bytes() - begin);
      std::byte* const place = bytes_of(sent_) + (to * partials + i) * piece;
      if (count > 0) std::memcpy(place, bytes_of(partial_[i]) + begin, count);
    }
  }
  ranks.run({.kind = ExchangeKind::all_to_all,
             .dtype = dtype_,
             .count = static_cast<std::int64_t>(partials) * own_.elements(),
             .in = bytes_of(sent_),
             .out = bytes_of(received_)});
  std::vector<Rows> nodes;
  std::vector<const std::byte*> places;
  for (std::int64_t rank = 0; rank < ranks_; ++rank) {
    const std::vector<Rows> whole = whole_nodes(shards_, share_of(shards_, ranks_, rank));
    for (std::size_t i = 0; i < whole.size(); ++i) {
      nodes.push_back(whole[i]);
      places.push_back(bytes_of(received_) + (static_cast<std::size_t>(rank) * partials + i) * piece);
    }
  }
  std::size_t next = 0;  // the nodes come from the left
  const std::function<void(Rows, Tensor&)> add_node = [&](Rows node, Tensor& sum) {
    if (is_within(node, nodes[next])) {
      std::memcpy(sum.mutable_data(), places[next++], piece);
      return;
    }
    add_node({node.begin, middle(node)}, sum);
    Tensor right = Tensor::uninitialized(dtype_, sum.sizes());
    add_node({middle(node), node.end}, right);
    add_to(sum, bytes_of(right));
  };
  add_node({0, shards_}, own_);
  ranks.run({.kind = ExchangeKind::all_gather,
             .dtype = dtype_,
             .count = own_.elements(),
             .in = bytes_of(own_),
             .out = bytes_of(all_)});
  std::memcpy(partial_[0].mutable_data(), all_.data(), partial_[0].bytes());
}

double FixedShards::operator()(std::span<const Tensor> inputs, std::int64_t rows, const Where& where) {
  const Rows own = rows_of_rank(rows);
  for (const Tensor& input : inputs) {
    if (!input.empty() && input.rank() > 0 && input.sizes()[0] == own.end - own.begin) continue;
    throw Error(
        ErrorCode::bad_feed, "a rank is fed the rows of its shards",
        {.op = "fixed_shards",
         .expected = fmt::format("{} rows, {} to {} of {}", own.end - own.begin, own.begin, own.end, rows),
         .actual = input.empty() ? "an empty tensor" : to_string(input.type()),
         .where = to_string(where)});
  }
  const RandomPosition position = session_.random_position();
  first_run_ = position.run;
  try {
    const std::vector<Rows> nodes = whole_nodes(shards_, share_of(shards_, ranks_, rank_));
    for (std::size_t i = 0; i < nodes.size(); ++i) sum_node(inputs, rows, nodes[i], 0, partial_[i]);
    if (ranks_ > 1) sum_over_ranks();
    const double factor = rows > 0 ? 1.0 / static_cast<double>(rows) : 0.0;
    const Tensor scale =
        dtype_ == DType::f32 ? Tensor::scalar(static_cast<float>(factor)) : Tensor::scalar(factor);
    std::vector<Tensor> fed = parts_of(partial_[0]);
    fed.insert(fed.begin(), scale);
    const Tensor loss = update_(fed, where)[0];
    session_.set_random_position({.seed = position.seed, .run = first_run_ + shards_});
    return dtype_ == DType::f32 ? static_cast<double>(loss.item<float>()) : loss.item<double>();
  } catch (...) {
    session_.set_random_position(position);
    throw;
  }
}

}  // namespace weft::ranks
