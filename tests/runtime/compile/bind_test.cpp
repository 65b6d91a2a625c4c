#include "weft/runtime/compile/bind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/ops/activation.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/compile.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::vector<std::pair<std::int64_t, std::int64_t>> made_ranges;

class Idle final : public Kernel {
 public:
  void run(const KernelBuffers& /*buffers*/) override {}
};

/// A kernel for tanh that notes the rows of its shards.
template <bool Seamless>
std::optional<KernelChoice> noted_tanh(const KernelSite& site) {
  if (!site.op.is<Tanh>()) return std::nullopt;
  KernelChoice choice;
  choice.cut = cut_by_rows(site);
  choice.cut.seamless = Seamless;
  choice.make = [](Range rows) {
    made_ranges.emplace_back(rows.begin, rows.end);
    return std::make_unique<Idle>();
  };
  return choice;
}

/// The rows of the shards of tanh of a vector.
std::vector<std::pair<std::int64_t, std::int64_t>> shards_of(KernelOffer kernel, std::int64_t rows,
                                                             int threads, int cuts = 0) {
  Graph graph;
  const std::vector<Value> roots{tanh(input(graph, "x", f32, {rows}))};
  const std::vector<std::string> inputs{"x"};
  made_ranges.clear();
  compile(graph, roots, 1, inputs, {}, {.cuts = cuts, .kernels = {{"noted_tanh", kernel}}},
          {.threads = threads});
  return made_ranges;
}

TEST(Bind, MakesAKernelForEachPart) {
  EXPECT_THAT(shards_of(noted_tanh<false>, 9, 2), ElementsAre(Pair(0, 4), Pair(4, 9)));
  EXPECT_THAT(shards_of(noted_tanh<false>, 9, 2, 3), ElementsAre(Pair(0, 3), Pair(3, 6), Pair(6, 9)));
  EXPECT_THAT(shards_of(noted_tanh<false>, 2, 1, 4), ElementsAre(Pair(0, 1), Pair(1, 2)));
  EXPECT_THAT(shards_of(noted_tanh<false>, 1, 2), ElementsAre(Pair(0, 1)));
}

TEST(Bind, MakesOneForTheNeighbouringPartsOfAThreadWhereTheirSeamsDoNotShow) {
  EXPECT_THAT(shards_of(noted_tanh<true>, 9, 1, 3), ElementsAre(Pair(0, 9)));
  EXPECT_THAT(shards_of(noted_tanh<true>, 9, 2, 3), ElementsAre(Pair(0, 3), Pair(3, 9)));
  EXPECT_THAT(shards_of(noted_tanh<true>, 9, 2), ElementsAre(Pair(0, 4), Pair(4, 9)));
  EXPECT_THAT(shards_of(noted_tanh<true>, 9, 4, 2), ElementsAre(Pair(0, 4), Pair(4, 9)));
  EXPECT_THAT(shards_of(noted_tanh<true>, 1, 2), ElementsAre(Pair(0, 1)));
}

}  // namespace
}  // namespace weft
