#pragma once
// The study: which runs there are, and doing those that are not done yet.

#include <atomic>
#include <functional>
#include <set>
#include <vector>

#include "weft/frontends/mnist/study/record.h"
#include "weft/frontends/mnist/study/settings.h"

namespace weft::mnist {

struct PlannedRun {
  RunKey key;
  Dialect dialect;
  const Configuration* configuration = nullptr;
};

/// Every dialect on every configuration, seed after seed, so that whoever stops early has all of them once.
std::vector<PlannedRun> plan_runs(const std::vector<Dialect>& dialects,
                                  const std::vector<const Configuration*>& configurations,
                                  const StudySettings& settings);

/// Roughly how long a run takes compared with others, from what it must compute.
double expected_cost(const PlannedRun& run, const StudyData& data, std::int64_t epochs);

struct StudyProgress {
  std::size_t done = 0;  // runs, those from before a resumption included
  std::size_t runs = 0;
  const PlannedRun* run = nullptr;
  const Record* record = nullptr;  // empty while the run is going on
  std::int64_t epoch = 0;          // those done
  std::int64_t epochs = 0;         // of each run
  double seconds_left = -1.0;      // of these runs; below 0 where nothing is known yet
};

struct StudyContext {
  const StudySettings& settings;
  const StudyData& data;
  std::filesystem::path records_file;
  const std::atomic<bool>* stop = nullptr;
  std::function<void(const StudyProgress&)> progress;
  std::function<Measured(const PlannedRun&)> elsewhere{};  // runs a peer
};

/// Does the runs that have no record yet and appends each to `records` and their file as soon as it is done.
/// Returns false when it was stopped before the end.
bool do_runs(const std::vector<PlannedRun>& runs, const StudyContext& context, std::vector<Record>& records);

}  // namespace weft::mnist
