#pragma once
// The loss of sequences whose labels have no places.

#include <cstdint>

#include "weft/graph/graph.h"

namespace weft::losses {

/// -ln of the probability that a sequence of steps reads as its labels once repetitions are joined and blanks
/// left out: connectionist temporal classification (Graves, Fernandez, Gomez and Schmidhuber, ICML 2006;
/// PyTorch's CTCLoss). From log-probabilities [batch, steps, classes], integer labels [batch, most], and how
/// many steps and labels of each sample count, integers [batch] of the labels' dtype: [batch]. What labels
/// lie beyond that does not matter. `steps`, `classes` and `most` are numbers, since the sum over all
/// readings is written out step by step. It is made of logarithms in f64: a loss is within 1e-6 of itself,
/// and so is its gradient, beside its largest element. Labels that do not fit into the steps have an infinite
/// loss without gradient. Errors: shape_mismatch, dtype_mismatch, invalid_argument for a blank that is no
/// class; labels and lengths beyond their bounds are out_of_range errors in a run.
Value ctc(const Operand& log_probabilities, const Operand& labels, const Operand& step_counts,
          const Operand& label_counts, std::int64_t blank = 0);

}  // namespace weft::losses
