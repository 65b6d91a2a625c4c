#include "weft/ops/switch_case.h"

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// The branch among [begin, end) that the index names, by halves.
std::vector<Value> choose(const Operand& index, std::span<const BranchFunction> branches, std::size_t begin,
                          std::size_t end) {
  if (end - begin == 1) return branches[begin]();
  const std::size_t middle = begin + (end - begin) / 2;
  const Value before = index.value() < static_cast<std::int64_t>(middle);
  return cond(
      Operand(before, index.where()), [&] { return choose(index, branches, begin, middle); },
      [&] { return choose(index, branches, middle, end); });
}

/// The index, looked up among those that there are, so that a run refuses any other.
Value checked_index(const Value& index, std::size_t branches) {
  Graph& graph = index.graph();
  const Value all = arange(graph, 0, static_cast<std::int64_t>(branches), 1, i64);
  return gather(all, index);
}

}  // namespace

std::vector<Value> switch_case(const Operand& index, std::span<const BranchFunction> branches) {
  return located("switch_case", index.where(), [&] {
    const Value number = index.value("switch_case");
    if (!is_index(number.dtype()) || !number.shape().is_scalar()) {
      throw Error(ErrorCode::shape_mismatch, "the index of a branch is an integer",
                  {.expected = "i64[] or another integer dtype", .actual = to_string(number.type())});
    }
    if (branches.empty())
      throw Error(ErrorCode::invalid_argument, "there is no branch to choose", {.expected = "1 or more"});
    const Scope origin(number.graph(), "switch_case", index.where());
    const Value checked = checked_index(number, branches.size());
    return choose(Operand(checked, index.where()), branches, 0, branches.size());
  });
}

std::vector<Value> switch_case(const Operand& index, std::initializer_list<BranchFunction> branches) {
  return switch_case(index, std::span(branches.begin(), branches.size()));
}

}  // namespace weft
