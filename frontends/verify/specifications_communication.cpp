#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/communication.h"

namespace weft::verify::builtin {
namespace {

/// Samples of an exchange in a job of one rank; those between several are in the tests of simulated ranks.
Sampler of_one_rank(const Op& op, std::int64_t least_rank) {
  return [=](SampleSource& source) { return Sample{op, {source.uniform(source.shape(4, least_rank))}}; };
}

/// Refusals of sums, which want numbers.
std::vector<Refusal> no_sum(const Op& op) {
  return {{op, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch},
          {op, {nothing(bf16, {2})}, ErrorCode::dtype_mismatch}};
}

}  // namespace

List communication() {
  std::vector<Refusal> reduced = no_sum(AllReduce{});
  reduced.push_back({AllReduce{RankReduction::mean}, {nothing(i32, {2})}, ErrorCode::dtype_mismatch});
  std::vector<Refusal> scattered = no_sum(ReduceScatter{});
  scattered.push_back({ReduceScatter{0}, {nothing(f64, {2})}, ErrorCode::invalid_argument});
  scattered.push_back({ReduceScatter{2}, {nothing(f64, {3})}, ErrorCode::shape_mismatch});
  scattered.push_back({ReduceScatter{2}, {nothing(f64, {4})}, ErrorCode::invalid_argument});
  std::vector<Refusal> to_root = no_sum(ReduceTo{});
  to_root.push_back({ReduceTo{1}, {nothing(f64, {2})}, ErrorCode::invalid_argument});
  return {
      {"all_reduce",
       "a tensor of all ranks as one: their sum, mean, minimum or maximum",
       {of_one_rank(AllReduce{}, 0), of_one_rank(AllReduce{RankReduction::mean}, 0),
        of_one_rank(AllReduce{RankReduction::min}, 0), of_one_rank(AllReduce{RankReduction::max}, 0)},
       reduced},
      {"all_gather",
       "the rows of all ranks in their order",
       {of_one_rank(AllGather{}, 1)},
       {{AllGather{0}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {AllGather{1}, {nothing(f64, {})}, ErrorCode::shape_mismatch},
        {AllGather{2}, {nothing(f64, {2})}, ErrorCode::invalid_argument}}},
      {"reduce_scatter",
       "a rank's rows of the sum over all ranks",
       {of_one_rank(ReduceScatter{}, 1)},
       scattered},
      {"broadcast",
       "a tensor of one rank on all ranks",
       {of_one_rank(Broadcast{}, 0)},
       {{Broadcast{-1}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Broadcast{1}, {nothing(f64, {2})}, ErrorCode::invalid_argument}}},
      {"reduce_to", "the sum over all ranks on one of them", {of_one_rank(ReduceTo{}, 0)}, to_root},
      {.op = "rank_number",
       .summary = "the number of the rank that computes it",
       .samplers = {[](SampleSource&) { return Sample{RankNumber{}, {}, false}; }},
       .refusals = not_so_many(RankNumber{}, 0)},
  };
}

}  // namespace weft::verify::builtin
