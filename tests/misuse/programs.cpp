// Programs that would mislead, one for each MISUSE: none of them compiles. With NOTHING the file does.

#include <algorithm>

#include "weft/ops/compare.h"
#include "weft/ops/source.h"

#define NOTHING 0
#define COMPARISON_AS_CONDITION 1
#define LARGER_OF_TWO_VALUES 2
#define VALUE_AS_CONDITION 3
#define NEGATED_VALUE 4
#define BOTH_OF_TWO_VALUES 5
#define SORTED_VALUES 6
#define CLAMPED_VALUE 7
#define VALUE_AS_BOOL 8

namespace weft {

int misuse(Graph& graph, Value a, Value b) {
#if MISUSE == COMPARISON_AS_CONDITION
  if (a > b) return 1;
#elif MISUSE == LARGER_OF_TWO_VALUES
  return static_cast<int>(std::max(a, b).node());
#elif MISUSE == VALUE_AS_CONDITION
  return a ? 1 : 0;
#elif MISUSE == NEGATED_VALUE
  return !a;
#elif MISUSE == BOTH_OF_TWO_VALUES
  return a && b;
#elif MISUSE == SORTED_VALUES
  Value values[] = {a, b};
  std::sort(values, values + 2);
#elif MISUSE == CLAMPED_VALUE
  return static_cast<int>(std::clamp(a, a, b).node());
#elif MISUSE == VALUE_AS_BOOL
  return static_cast<bool>(a);
#endif
  return a.has_value() && b.has_value() && a == b && graph.size() > 0 ? 1 : 0;
}

}  // namespace weft
