#include "weft/ops/communication.h"

#include <fmt/format.h>

#include <cstring>

#include "weft/ops/batching.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// Throws unless ranks can reduce elements of this dtype so.
void expect_reducible(const TensorType& x, RankReduction reduction) {
  const bool is_mean = reduction == RankReduction::mean;
  if (is_float(x.dtype) || (is_integer(x.dtype) && !is_mean)) return;
  throw Error(ErrorCode::dtype_mismatch,
              fmt::format("there is no {} over ranks of this dtype", name_of(reduction)),
              {.expected = is_mean ? "f32 or f64" : "numbers; cast f16 and bf16 to f32",
               .actual = std::string(name_of(x.dtype))});
}

void expect_ranks(const TensorType& x, std::int64_t ranks) {
  if (ranks < 1) {
    throw Error(ErrorCode::invalid_argument, "a job has at least one rank",
                {.expected = "ranks >= 1", .actual = std::to_string(ranks)});
  }
  if (x.shape.is_scalar())
    throw Error(ErrorCode::shape_mismatch, "there is no axis along which ranks have their parts");
}

void expect_root(std::int64_t root) {
  if (root >= 0) return;
  throw Error(ErrorCode::invalid_argument, "ranks are counted from 0",
              {.expected = "root >= 0", .actual = std::to_string(root)});
}

TensorType with_rows(const TensorType& x, const Dim& rows) {
  std::vector<Dim> dims(x.shape.begin(), x.shape.end());
  dims[0] = rows;
  return {x.dtype, Shape(dims)};
}

/// What a job of one rank gets: what it gives.
void keep(const KernelArgs& args, std::int64_t ranks, std::int64_t root) {
  if (ranks != 1 || root != 0) {
    throw Error(ErrorCode::invalid_argument, "the job has one rank",
                {.expected = "ranks = 1 and root = 0; a session gets the ranks of its job by "
                             "SessionOptions::communicator",
                 .actual = fmt::format("ranks = {}, root = {}", ranks, root)});
  }
  const std::size_t bytes = static_cast<std::size_t>(args.inputs[0].elements) * size_of(args.inputs[0].dtype);
  if (bytes > 0) std::memcpy(args.outputs[0].data, args.inputs[0].data, bytes);
}

/// An exchange along the first axis, for examples that are an axis before it.
std::vector<Value> along_second_axis(const Op& op, const BatchArgs& args) {
  return {move_axis(apply(op, move_axis(args.inputs[0], 1, 0)), 0, 1)};
}

}  // namespace

std::string attribute_text(RankReduction reduction) { return std::string(name_of(reduction)); }

TensorType AllReduce::infer(const TensorType& x) const {
  expect_reducible(x, reduction);
  return x;
}
void AllReduce::forward(const KernelArgs& args) const { keep(args, 1, 0); }
Value AllReduce::gradient(Value x, Value y, Value dy) const {
  if (reduction == RankReduction::sum || reduction == RankReduction::mean) return all_reduce(dy, reduction);
  // Of several that are the extreme, each has an equal share.
  const Value hit = cast(equal(stop_gradient(x), stop_gradient(y)), dy.dtype());
  return all_reduce(dy) * hit / all_reduce(hit);
}
std::vector<Value> AllReduce::batch(const BatchArgs& args) const { return apply_to(*this, args.inputs); }

TensorType AllGather::infer(const TensorType& x) const {
  expect_ranks(x, ranks);
  return with_rows(x, x.shape[0] * ranks);
}
void AllGather::forward(const KernelArgs& args) const { keep(args, ranks, 0); }
Value AllGather::gradient(Value, Value, Value dy) const { return reduce_scatter(dy, ranks); }
std::vector<Value> AllGather::batch(const BatchArgs& args) const { return along_second_axis(*this, args); }

TensorType ReduceScatter::infer(const TensorType& x) const {
  expect_reducible(x, RankReduction::sum);
  expect_ranks(x, ranks);
  const Dim& rows = x.shape[0];
  if (rows.is_number() && rows.size() % ranks != 0) {
    throw Error(ErrorCode::shape_mismatch, "the ranks have no equal parts of these rows",
                {.expected = fmt::format("a multiple of {} rows", ranks), .actual = to_string(x)});
  }
  const auto part = exact_div(rows, ranks);
  return with_rows(x, part ? *part : floor_div(rows, ranks));
}
void ReduceScatter::forward(const KernelArgs& args) const { keep(args, ranks, 0); }
Value ReduceScatter::gradient(Value x, Value, Value dy) const {
  const Value dx = all_gather(dy, ranks);
  return dx.shape() == x.shape() ? dx : reshape(dx, x.shape());
}
std::vector<Value> ReduceScatter::batch(const BatchArgs& args) const {
  return along_second_axis(*this, args);
}

TensorType Broadcast::infer(const TensorType& x) const {
  expect_root(root);
  return x;
}
void Broadcast::forward(const KernelArgs& args) const { keep(args, 1, root); }
Value Broadcast::gradient(Value, Value, Value dy) const { return reduce_to(dy, root); }
std::vector<Value> Broadcast::batch(const BatchArgs& args) const { return apply_to(*this, args.inputs); }

TensorType ReduceTo::infer(const TensorType& x) const {
  expect_root(root);
  expect_reducible(x, RankReduction::sum);
  return x;
}
void ReduceTo::forward(const KernelArgs& args) const { keep(args, 1, root); }
Value ReduceTo::gradient(Value, Value, Value dy) const { return broadcast(dy, root); }
std::vector<Value> ReduceTo::batch(const BatchArgs& args) const { return apply_to(*this, args.inputs); }

void RankNumber::forward(const KernelArgs& args) const { args.outputs[0].as<std::int64_t>()[0] = 0; }

Value all_reduce(const Operand& x, RankReduction reduction) { return apply(AllReduce{reduction}, x); }
Value all_gather(const Operand& x, std::int64_t ranks) { return apply(AllGather{ranks}, x); }
Value reduce_scatter(const Operand& x, std::int64_t ranks) { return apply(ReduceScatter{ranks}, x); }
Value broadcast(const Operand& x, std::int64_t root) { return apply(Broadcast{root}, x); }
Value reduce_to(const Operand& x, std::int64_t root) { return apply(ReduceTo{root}, x); }
Value rank_number(Graph& graph, Where where) { return {&graph, graph.add(RankNumber{}, {}, where), 0}; }

template detail::Model detail::model_of(AllReduce);
template detail::Model detail::model_of(AllGather);
template detail::Model detail::model_of(ReduceScatter);
template detail::Model detail::model_of(Broadcast);
template detail::Model detail::model_of(ReduceTo);
template detail::Model detail::model_of(RankNumber);

}  // namespace weft
