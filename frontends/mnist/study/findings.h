#pragma once
// What a study found, in plain sentences that are computed from its results.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/depth.h"

namespace weft::mnist {

struct Finding {
  std::string heading;
  std::vector<std::string> sentences;
};

/// Which recipe is the most accurate where, what depth does to each, what restores those that fall, and what
/// their signals and gradients look like. Only about what was run.
std::vector<Finding> findings_of(const Results& results, const std::vector<Dialect>& dialects);

/// What each finding comes to: its heading and its last sentence.
std::vector<std::string> conclusions(const std::vector<Finding>& findings);

/// "97.31% ± 0.12", or without the interval where there is one run.
std::string percent_text(const Estimate& share);
/// A difference of shares in points: "1.20 ± 0.10 points".
std::string points_text(const Estimate& difference);

}  // namespace weft::mnist
