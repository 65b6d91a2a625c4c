#pragma once
// Figures of one trained network: which digits it takes for which, what it misreads, and what its first layer
// looks for.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/figures.h"
#include "weft/frontends/mnist/study/run.h"

namespace weft::mnist {

/// Trains the dialect's network again from the seed and makes its figures; none if it was stopped. Images are
/// drawn as squares; if their pixels do not fill one, there are no pictures of images and weights.
std::vector<Figure> specimen_figures(const Dialect& dialect, const Configuration& configuration,
                                     const StudyData& data, const RunOptions& options);

}  // namespace weft::mnist
