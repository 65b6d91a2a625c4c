#pragma once
// Shows the progress of a study: a line for each finished run with the remaining time, and on a terminal the
// current run.

#include <cstdio>
#include <functional>

#include "weft/frontends/mnist/study/study.h"

namespace weft::cli {

/// Writes to `stream`, which must outlive it.
std::function<void(const mnist::StudyProgress&)> study_progress_on(std::FILE* stream);

/// "3 s", "2 min 10 s", "1 h 05 min".
std::string duration_text(double seconds);

}  // namespace weft::cli
