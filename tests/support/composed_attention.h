#pragma once
// Attention by ops on whole matrices of scores, to compare the op with.

#include <limits>

#include "weft/ops/attention.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/matmul.h"
#include "weft/ops/softmax.h"
#include "weft/ops/structure.h"

namespace weft::testing_support {

/// softmax(scale q k^T) v, where the scores of keys that are ruled out are the lowest number, and a query
/// that may look at nothing gets zeros.
inline Value composed_attention(const Value& q, const Value& k, const Value& v, const AttentionRule& rule,
                                const Value& mask = {}) {
  const Value scores = matmul(q * rule.scale, k, false, true);
  const Value past = expand_dims(positions(scores, -2), 1) >= positions(scores, -1);
  Value allowed = mask;
  if (rule.causal) allowed = mask.has_value() ? logical_and(mask, past) : past;
  const double lowest = q.dtype() == f32 ? static_cast<double>(std::numeric_limits<float>::lowest())
                                         : std::numeric_limits<double>::lowest();
  const Value y = matmul(softmax(allowed.has_value() ? where(allowed, scores, lowest) : scores), v);
  return mask.has_value() ? where(any(allowed, {-1}, true), y, 0.0) : y;
}

}  // namespace weft::testing_support
