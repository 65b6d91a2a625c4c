#pragma once
// Shows the progress of a training: a bar on a terminal, otherwise a line for each epoch.

#include <cstdio>
#include <optional>

#include "weft/frontends/train.h"

namespace weft::cli {

/// Draws the bar on a terminal. Writes to `stream`, which must outlive the observer.
FitObserver progress_on(std::FILE* stream, std::int64_t epochs);

/// Prints the line of a complete epoch in place of its bar.
void print_epoch(std::FILE* stream, const EpochResult& epoch, std::int64_t epochs,
                 std::optional<double> validation_accuracy);

}  // namespace weft::cli
