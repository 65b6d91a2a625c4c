#pragma once
// The words of the study: the same name for a thing in every legend, caption, table and sentence, and numbers
// with their intervals. A curve of a framework's recipe on weft's engine is called that; the frameworks' own
// programs have their own names.

#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/mnist/configurations.h"
#include "weft/frontends/mnist/study/dialect.h"
#include "weft/frontends/mnist/study/settings.h"
#include "weft/frontends/mnist/study/statistics.h"

namespace weft::mnist {

/// Shares are shown as percent and differences of them as points.
inline constexpr double kPercent = 100.0;

/// "Caffe's recipe", "weft's own recipe". A title that is too long for a legend is shortened.
std::string recipe_name(const Dialect& dialect);

/// "Caffe's recipe on weft".
std::string recipe_on_weft(const Dialect& dialect);

/// "PyTorch itself".
std::string framework_itself(std::string_view title);

/// A network's depth in words: "one hidden layer", "4 hidden layers".
std::string layers_text(const Configuration& configuration);

/// "97.31% (97.19 to 97.43)", within 0 and 100; without the interval if there is one run.
std::string percent_text(const Estimate& share);

/// A difference of shares in points: "1.20 points (1.10 to 1.30)".
std::string points_text(const Estimate& difference);

/// The median and the range: "1.20 s (1.15 to 1.41)", "3.4 ms"; without the range if there is one run.
std::string time_text(const Spread& seconds);

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& parts);

/// How this study is shorter than the paper's: "2 epochs of 6000 images"; empty if it has all ten epochs and
/// all images.
std::string shortening_of(const StudySettings& settings);

}  // namespace weft::mnist
