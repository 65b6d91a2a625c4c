#pragma once
// What a person sees while a training runs: a bar on a terminal, a line for each epoch elsewhere.

#include <cstdio>

#include "weft/frontends/train.h"

namespace weft::cli {

/// Writes to `stream`, which outlives the observer.
FitObserver progress_on(std::FILE* stream, std::int64_t epochs);

}  // namespace weft::cli
