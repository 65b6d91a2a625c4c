#include "weft/frontends/ranks/agreement.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "weft/frontends/ranks/save.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::ranks {
namespace {

using testing_support::expect_error;
using Ranks = std::shared_ptr<Communicator>;

TEST(Digest, DiffersWhereContentsDo) {
  const auto of = [](const auto& thing) { return Digest().add(thing).value(); };
  EXPECT_EQ(of(std::string_view("weft")), of(std::string_view("weft")));
  EXPECT_NE(of(std::string_view("weft")), of(std::string_view("waft")));
  EXPECT_NE(of(std::string_view("a")), of(std::string_view("a\0", 2)));
  EXPECT_NE(of(Tensor::of({1.0F, 2.0F})), of(Tensor::of({2.0F, 1.0F})));
  EXPECT_NE(of(Tensor::of({0.0F, 0.0F})), of(Tensor::of({0, 0})));
  EXPECT_NE(of(std::uint64_t{1}), of(std::uint64_t{2}));
}

/// The error of every rank of a job in which rank r adds `numbers[r]` to its digest.
void expect_disagreement(const std::vector<std::uint64_t>& numbers, std::string_view message) {
  simulate(static_cast<int>(numbers.size()), [&](const Ranks& ranks) {
    const Digest digest = Digest().add(numbers[static_cast<std::size_t>(ranks->rank())]);
    expect_error(ErrorCode::invalid_argument, {message}, [&] { expect_same(ranks.get(), "graph", digest); });
  });
}

TEST(Agreement, NamesTheRanksThatDiffer) {
  expect_disagreement({1, 2}, "rank 1 differs from the other ranks in its graph");
  expect_disagreement({7, 7, 3}, "rank 2 differs from the other ranks in its graph");
  expect_disagreement({3, 7, 7}, "rank 0 differs from the other ranks in its graph");
  expect_disagreement({7, 1, 7, 2}, "ranks 1, 3 differ from the other ranks in their graph");
  simulate(3, [](const Ranks& ranks) { expect_same(ranks.get(), "graph", Digest().add(std::uint64_t{1})); });
  expect_same(nullptr, "graph", Digest());
}

/// Compares functions of which that of rank 1 may have another factor, another constant tensor or another
/// seed.
void compare(const Ranks& ranks, double factor, float number, std::uint64_t seed) {
  const bool other = ranks->rank() == 1;
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch"});
  const Value data = constant(graph, Tensor::of({1.0F, other ? number : 2.0F}));
  const Value y = x * (other ? factor : 2.0) + sum(data);
  const Session session(graph, {.seed = other ? seed : 1, .communicator = ranks});
  expect_same_function(session, {.inputs = {x}, .outputs = {y}});
}

TEST(Agreement, ComparesGraphSeedAndData) {
  simulate(3, [](const Ranks& ranks) {
    compare(ranks, 2.0, 2.0F, 1);
    expect_error(ErrorCode::invalid_argument, {"rank 1 differs from the other ranks in its seed"},
                 [&] { compare(ranks, 2.0, 2.0F, 5); });
    expect_error(ErrorCode::invalid_argument, {"rank 1 differs from the other ranks in its "},
                 [&] { compare(ranks, 3.0, 2.0F, 1); });
    expect_error(ErrorCode::invalid_argument, {"rank 1 differs from the other ranks in its "},
                 [&] { compare(ranks, 2.0, 3.0F, 1); });
  });
}

TEST(SaveOfRanks, IsOneFileOfRankZero) {
  const testing_support::TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  simulate(3, [&](const Ranks& ranks) {
    Graph graph;
    const Value weight = parameter(graph, "weight", Tensor::of({static_cast<float>(ranks->rank()), 1.0F}));
    Session session(graph, {.communicator = ranks});
    save(session, graph, path);
    EXPECT_TRUE(std::filesystem::exists(path));
    session.load(path);
    EXPECT_EQ(session.value(weight).values<float>()[0], 0.0F);
    // A failure of rank 0 is one of all ranks.
    EXPECT_THROW(save(session, graph, folder.path() / "no" / "such" / "folder"), Error);
  });
}

}  // namespace
}  // namespace weft::ranks
