#pragma once
// One trained network to look at: which digits it takes for which, what it misreads, what its first layer
// looks for.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/figures.h"
#include "weft/frontends/mnist/study/run.h"

namespace weft::mnist {

/// Trains the dialect's network again from the seed and makes its figures; nothing when it was stopped.
/// Images are drawn as squares; for pixels that fill none there is no grid and there are no weights.
std::vector<Figure> specimen_figures(const Dialect& dialect, const Configuration& configuration,
                                     const StudyData& data, const RunOptions& options);

}  // namespace weft::mnist
