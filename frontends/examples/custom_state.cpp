// An op with state: how often each label came. The state is a parameter of the session; the op is a function
// from its old value to its new one, and `assign` makes it an update. A run that fails changes nothing.

#include <fmt/format.h>

#include <algorithm>

#include "weft/weft.h"

using namespace weft;

struct AddCounts {  // y[c] = counts[c] + how many of the labels are c
  static constexpr std::string_view name = "add_counts";
  static constexpr Traits traits{.can_fail = true};

  TensorType infer(const TensorType& counts, const TensorType& labels) const {
    if (counts.dtype == i64 && counts.shape.rank() == 1 && labels.dtype == i64) return counts;
    throw Error(ErrorCode::dtype_mismatch, "it counts i64 labels in i64 counts [classes]");
  }

  void forward(const KernelArgs& args) const {
    const auto counts = args.inputs[0].as<const std::int64_t>();
    const auto y = args.outputs[0].as<std::int64_t>();
    check_indices(args.inputs[1], std::ssize(counts), "label");
    std::ranges::copy(counts, y.begin());
    for (const std::int64_t label : args.inputs[1].as<const std::int64_t>())
      ++y[static_cast<std::size_t>(label)];
  }

  static constexpr NoGradient gradient{"it counts"};
};

int main() {
  Graph graph;
  const Value labels = input(graph, "labels", i64, {"n"});
  const Value counts = parameter(graph, "counts", Tensor::zeros(i64, {3}));
  const Value update = assign(counts, apply(AddCounts{}, counts, labels));

  Session session(graph);
  Function count = session.compile({.inputs = {labels}, .outputs = {}, .updates = {update}});
  count({Tensor::of<std::int64_t>({0, 2, 2})});
  count({Tensor::of<std::int64_t>({2, 1, 2, 2})});
  try {
    count({Tensor::of<std::int64_t>({1, 3})});
  } catch (const Error& error) {
    fmt::print("refused    {}\n", error.what());
  }
  fmt::print("counts     {}\n", to_string(session.value(counts)));
}
