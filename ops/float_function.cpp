#include "weft/ops/float_function.h"

#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {

Value zeros_like(const Value& x) { return broadcast_to(constant(x.graph(), 0.0, x.dtype()), x.shape()); }

}  // namespace weft
