#pragma once
// The findings of a study, in plain sentences that are computed from its results.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/depth.h"

namespace weft::mnist {

struct Finding {
  std::string heading;
  std::vector<std::string> sentences;
};

/// Says which recipe is the most accurate where, what depth does to each, what restores those that fall, and
/// what their signals and gradients look like. Only about runs that were made.
std::vector<Finding> findings_of(const Results& results, const std::vector<Dialect>& dialects);

/// The conclusion of each finding: its heading and its last sentence.
std::vector<std::string> conclusions(const std::vector<Finding>& findings);

}  // namespace weft::mnist
