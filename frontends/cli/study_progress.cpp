#include "weft/frontends/cli/study_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "weft/frontends/cli/terminal.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/graph/text.h"

namespace weft::cli {
namespace {

std::string name_of(const mnist::PlannedRun& run) {
  const std::string variant = run.key.variant.empty() ? "" : fmt::format(" with {}", run.key.variant);
  const std::string who = run.key.kind == "peer"   ? mnist::framework_itself(run.dialect.title)
                          : run.key.kind == "weft" ? run.key.series
                                                   : mnist::recipe_on_weft(run.dialect);
  return printable(fmt::format("{}{}, {}, seed {}", who, variant, run.key.configuration, run.key.seed));
}

std::string time_left(double seconds) {
  return seconds < 0.0 ? "" : fmt::format(", {} left", duration_text(seconds));
}

}  // namespace

std::string duration_text(double seconds) {
  constexpr long kMinute = 60;
  constexpr long kHour = 60 * kMinute;
  const long whole = std::lround(std::ceil(seconds));
  if (whole < kMinute) return fmt::format("{} s", whole);
  if (whole < kHour) return fmt::format("{} min {:02} s", whole / kMinute, whole % kMinute);
  return fmt::format("{} h {:02} min", whole / kHour, whole % kHour / kMinute);
}

std::function<void(const mnist::StudyProgress&)> study_progress_on(std::FILE* stream) {
  const bool terminal = is_terminal(stream);
  return [stream, terminal](const mnist::StudyProgress& at) {
    constexpr const char* kClearLine = "\r\033[K";
    const char* const begin = terminal ? kClearLine : "";
    if (at.record != nullptr) {
      const mnist::Measured& measured = at.record->measured;
      fmt::print(stream, "{}[{}/{}] {}: {:.2f}%{}, {:.1f} s{}\n", begin, at.done, at.runs, name_of(*at.run),
                 100.0 * measured.accuracy, measured.diverged.empty() ? "" : " (diverged)",
                 measured.train_seconds, time_left(at.seconds_left));
    } else if (terminal) {
      fmt::print(stream, "{}[{}/{}] {}: epoch {}/{}{}", begin, at.done + 1, at.runs, name_of(*at.run),
                 std::min(at.epoch + 1, at.epochs), at.epochs, time_left(at.seconds_left));
    }
    std::fflush(stream);
  };
}

}  // namespace weft::cli
