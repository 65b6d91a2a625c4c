#include "weft/frontends/mnist/study/wording.h"

#include <fmt/format.h>

#include "weft/graph/text.h"

namespace weft::mnist {

std::string recipe_name(const Dialect& dialect) {
  constexpr std::size_t kLongestName = 30;
  if (dialect.title == "weft") return "weft's own recipe";
  return shortened(dialect.title, kLongestName) + "'s recipe";
}

std::string recipe_on_weft(const Dialect& dialect) {
  return dialect.title == "weft" ? recipe_name(dialect) : recipe_name(dialect) + " on weft";
}

std::string framework_itself(std::string_view title) {
  constexpr std::size_t kLongestName = 30;
  return shortened(title, kLongestName) + " itself";
}

std::string layers_text(const Configuration& configuration) {
  const std::size_t layers = configuration.layers.size();
  return layers == 1 ? "one hidden layer" : fmt::format("{} hidden layers", layers);
}

std::string percent_text(const Estimate& share) {
  if (share.runs < 2) return fmt::format("{:.2f}%", kPercent * share.mean);
  const Interval possible = interval_within(share, 0.0, 1.0);
  return fmt::format("{:.2f}% ({:.2f} to {:.2f})", kPercent * share.mean, kPercent * possible.low,
                     kPercent * possible.high);
}

std::string points_text(const Estimate& difference) {
  if (difference.runs < 2) return fmt::format("{:.2f} points", kPercent * difference.mean);
  const Interval possible = interval_within(difference, -1.0, 1.0);
  return fmt::format("{:.2f} points ({:.2f} to {:.2f})", kPercent * difference.mean, kPercent * possible.low,
                     kPercent * possible.high);
}

std::string time_text(const Spread& seconds) {
  constexpr double kSmall = 0.1;
  constexpr double kMilli = 1000.0;
  const bool small = seconds.median < kSmall;
  const double factor = small ? kMilli : 1.0;
  std::string median = fmt::format("{:.{}f} {}", factor * seconds.median, small ? 1 : 2, small ? "ms" : "s");
  if (seconds.runs < 2) return median;
  return fmt::format("{} ({:.{}f} to {:.{}f})", median, factor * seconds.low, small ? 1 : 2,
                     factor * seconds.high, small ? 1 : 2);
}

std::string listed(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

std::string shortening_of(const StudySettings& settings) {
  constexpr std::int64_t kPaperEpochs = 10;
  if (settings.samples == 0 && settings.epochs == kPaperEpochs) return "";
  return fmt::format("{} epoch{} of {} images", settings.epochs, settings.epochs == 1 ? "" : "s",
                     settings.samples == 0 ? "all" : fmt::format("{}", settings.samples));
}

}  // namespace weft::mnist
