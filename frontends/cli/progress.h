#pragma once
// What a person sees while a training runs: a bar on a terminal, a line for each epoch elsewhere.

#include <cstdio>
#include <optional>

#include "weft/frontends/train.h"

namespace weft::cli {

/// The bar, on a terminal. Writes to `stream`, which outlives the observer.
FitObserver progress_on(std::FILE* stream, std::int64_t epochs);

/// The line of a complete epoch, in place of its bar.
void print_epoch(std::FILE* stream, const EpochResult& epoch, std::int64_t epochs,
                 std::optional<double> validation_accuracy);

}  // namespace weft::cli
