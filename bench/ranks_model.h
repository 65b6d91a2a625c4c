#pragma once
// Training steps that one process and several ranks are timed by.

#include <functional>
#include <vector>

#include "weft/weft.h"

namespace weft::bench {

struct RankModel {
  Graph graph;
  Value x;
  Value y = input(graph, "y", i32, {"batch"});
  std::vector<Value> parameters;
  Value loss;
  std::vector<std::int64_t> row;  // sizes of a row of x
};

using BuildRankModel = void (*)(RankModel&);
/// 784-1024-10.
void build_relu_mlp(RankModel& model);
void build_tanh_mlp(RankModel& model);
/// Two layers over 32 places of 64 numbers.
void build_transformer(RankModel& model);

/// Inputs x and y of so many rows.
std::vector<Tensor> rank_batch(const RankModel& model, std::int64_t rows);

/// The median time of a step in milliseconds, after `warm` others.
double milliseconds_of(int steps, const std::function<void()>& step, int warm = 3);

}  // namespace weft::bench
