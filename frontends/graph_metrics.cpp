#include "weft/frontends/graph_metrics.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/sorting.h"
#include "weft/ops/structure.h"

namespace weft {

Value in_top_k(const Operand& scores, const Operand& labels, std::int64_t k) {
  return located("in_top_k", scores.where(), [&] {
    const Value x = scores.value("in_top_k");
    const Value truth = labels.value("in_top_k");
    const bool dtypes = is_float(x.dtype()) && is_index(truth.dtype());
    const bool fits = x.shape().rank() == 2 && truth.shape() == Shape{x.shape()[0]};
    if (!dtypes || !fits) {
      throw Error(dtypes ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
                  "there must be one integer label for each row of scores",
                  {.expected = "floats [batch, classes] and integers [batch]",
                   .actual = fmt::format("{} and {}", to_string(x.type()), to_string(truth.type()))});
    }
    const Dim& classes = x.shape()[1];
    if (k < 1 || (classes.is_number() && k > classes.size())) {
      throw Error(ErrorCode::invalid_argument, "so many scores cannot be the highest",
                  {.expected = fmt::format("k in [1, {}]", to_string(classes)), .actual = std::to_string(k)});
    }
    const Scope origin(x.graph(), "in_top_k", scores.where());
    const Value highest = top_k(x, k).indices;  // [batch, k]
    return any(equal(highest, expand_dims(cast(truth, i64), -1)), {-1});
  });
}

Value is_right(const Operand& scores, const Operand& labels) { return in_top_k(scores, labels, 1); }

}  // namespace weft
