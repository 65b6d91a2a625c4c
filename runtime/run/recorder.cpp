#include "weft/runtime/run/recorder.h"

#include <algorithm>

namespace weft {
namespace {

constexpr std::size_t kMostRuns = 256;
constexpr std::size_t kMostIntervals = std::size_t{1} << 20;  // 16 MB

/// One slot more than the runs that are kept, because the current run may still fail.
std::size_t slots_for(std::size_t intervals_of_a_run) {
  return std::clamp<std::size_t>(kMostIntervals / std::max<std::size_t>(intervals_of_a_run, 1), 1,
                                 kMostRuns) +
         1;
}

}  // namespace

Recorder::Recorder(std::size_t steps, int threads)
    : steps_(steps),
      threads_(threads),
      calls_(slots_for(steps * static_cast<std::size_t>(threads))),
      intervals_(calls_.size() * steps * static_cast<std::size_t>(threads)),
      completed_(calls_.size() * steps, 0) {}

std::size_t Recorder::runs() const { return std::min(ended_, calls_.size() - 1); }

}  // namespace weft
