#pragma once
// What a person sees while a study runs: a line for each run that is done with the time that is left, and on
// a terminal the run that is going on.

#include <cstdio>
#include <functional>

#include "weft/frontends/mnist/study/study.h"

namespace weft::cli {

/// Writes to `stream`, which must outlive it.
std::function<void(const mnist::StudyProgress&)> study_progress_on(std::FILE* stream);

/// "3 s", "2 min 10 s", "1 h 05 min".
std::string duration_text(double seconds);

}  // namespace weft::cli
