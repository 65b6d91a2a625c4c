#pragma once
// Draws that are made of those of random.h. Every run draws anew.

#include "weft/graph/graph.h"

namespace weft {

/// How many of `trials` independent tries succeed, each with the probability p, in the shape and dtype of p
/// (f32 or f64). A uniform number is drawn for each try. Error(invalid_argument) unless trials >= 1.
Value random_binomial(const Operand& p, std::int64_t trials);
/// How often each class comes among `draws` draws from softmax(logits) [..., classes]: i64, which add up to
/// the number of draws. Error(invalid_argument) unless draws >= 1.
Value random_multinomial(const Operand& logits, std::int64_t draws);
/// `count` different classes of each row of logits [..., classes], i64 [..., count], drawn one after the
/// other, each with the probability softmax(logits) among those that are left (Gumbel's noise and the largest
/// sums; Kool, van Hoof and Welling, ICML 2019). A class whose logit is -infinity comes only where no other
/// is left. (NumPy's choice without replacement; random_categorical draws with it.)
Value random_choice(const Operand& logits, const Dim& count);
/// Normal draws around 0 with covariances l l^T for lower triangles l [..., n, n], such as cholesky() makes:
/// [..., n].
Value random_multivariate_normal(const Operand& l);

}  // namespace weft
