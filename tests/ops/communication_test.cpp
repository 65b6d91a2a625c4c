#include "weft/ops/communication.h"

#include <gtest/gtest.h>

#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

TEST(Communication, HasShapesOfSymbols) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"rows", 3});
  EXPECT_EQ(to_string(all_reduce(x).type()), "f32[rows, 3]");
  EXPECT_EQ(to_string(all_gather(x, 4).type()), to_string(TensorType{f32, {Dim("rows") * 4, 3}}));
  EXPECT_EQ(reduce_scatter(all_gather(x, 4), 4).type(), x.type());
  EXPECT_EQ(broadcast(x, 2).type(), x.type());
  EXPECT_EQ(reduce_to(x, 2).type(), x.type());
  EXPECT_EQ(rank_number(graph).type(), (TensorType{i64, {}}));
}

TEST(Communication, ChecksSizesOnceTheyAreKnown) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"rows"});
  const std::vector<Value> parts{reduce_scatter(x, 4)};
  EXPECT_EQ(extract(graph, parts, {{"rows", 8}}).roots[0].type(), (TensorType{f32, {2}}));
  expect_error(ErrorCode::shape_mismatch, {"reduce_scatter", "a multiple of 4 rows", "f32[6]"},
               [&] { extract(graph, parts, {{"rows", 6}}); });
}

TEST(Communication, PrintsItsAttributes) {
  Graph graph;
  const Value x = input(graph, "x", f64, {4});
  const Program program = extract(graph, {{all_reduce(reduce_scatter(x, 2), RankReduction::max)}});
  const std::string text = to_text(program);
  EXPECT_NE(text.find("ranks=2"), std::string::npos) << text;
  EXPECT_NE(text.find("reduction=max"), std::string::npos) << text;
}

TEST(Communication, TakesWhatRanksCanReduce) {
  Graph graph;
  const Value whole = input(graph, "whole", i64, {2});
  const Value half = input(graph, "half", bf16, {2});
  EXPECT_EQ(all_reduce(whole).type(), whole.type());
  EXPECT_EQ(all_gather(half, 2).dtype(), bf16);
  EXPECT_EQ(broadcast(half).dtype(), bf16);
  expect_error(ErrorCode::dtype_mismatch, {"all_reduce", "mean", "f32 or f64", "i64"},
               [&] { all_reduce(whole, RankReduction::mean); });
  expect_error(ErrorCode::dtype_mismatch, {"all_reduce", "cast f16 and bf16 to f32", "bf16"},
               [&] { all_reduce(half); });
  expect_error(ErrorCode::dtype_mismatch, {"reduce_scatter", "bf16"}, [&] { reduce_scatter(half, 2); });
}

TEST(Communication, HasTraitsThatKeepItInPlace) {
  for (const Op& op :
       {Op(AllReduce{}), Op(AllGather{}), Op(ReduceScatter{}), Op(Broadcast{}), Op(ReduceTo{})}) {
    EXPECT_TRUE(op.traits().stateful) << op.name();
    EXPECT_TRUE(op.traits().communicates) << op.name();
    EXPECT_EQ(op.traits().can_fail, true) << op.name();
  }
  EXPECT_TRUE(Op(RankNumber{}).traits().stateful);
}

TEST(Communication, IsThatOfOneRankByItsReference) {
  const Tensor x = Tensor::of<double>({1.0, 2.0});
  for (const Op& op :
       {Op(AllReduce{}), Op(AllGather{}), Op(ReduceScatter{}), Op(Broadcast{}), Op(ReduceTo{})})
    EXPECT_TRUE(identical(evaluate(op, {{x}})[0], x)) << op.name();
  EXPECT_EQ(evaluate(RankNumber{}, {})[0].item<std::int64_t>(), 0);
}

}  // namespace
}  // namespace weft
