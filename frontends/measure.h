#pragma once
// What a function says of whole data sets, batch by batch.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/frontends/predict.h"

namespace weft {

/// Calls `function` for `batch` rows of its inputs at a time, as predict() does, and gives for each output
/// the mean over all rows: of an output with a number for each row, such as losses [batch], of all its
/// numbers; of a scalar, such as a mean loss, of the batches' numbers, each as often as its batch has rows.
/// Of bool outputs it is the share that holds, so that `equal(argmax(logits), labels)` gives the accuracy.
///
/// Errors: invalid_argument for a batch below 1, for no rows, and for an output that is neither;
/// shape_mismatch for inputs with different numbers of rows; what the function throws. They name the line of
/// the call.
std::vector<double> measure(const Function& function, std::span<const Tensor> inputs,
                            std::int64_t batch = kPredictionBatch, const Where& where = Where::current());
std::vector<double> measure(const Function& function, std::initializer_list<Tensor> inputs,
                            std::int64_t batch = kPredictionBatch, const Where& where = Where::current());

}  // namespace weft
