#pragma once
// Plans the runs of a study and makes those that are missing.

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

/// Every dialect on every configuration, seed after seed, so that a study that is stopped early has made all
/// of them once.
std::vector<PlannedRun> plan_runs(const std::vector<Dialect>& dialects,
                                  const std::vector<const Configuration*>& configurations,
                                  const StudySettings& settings);

/// Roughly how long a run takes compared with others, from what it must compute.
double expected_cost(const PlannedRun& run, const StudyData& data, std::int64_t epochs);

struct StudyProgress {
  std::size_t done = 0;  // how many runs are done, including those before a resumption
  std::size_t runs = 0;
  const PlannedRun* run = nullptr;
  const Record* record = nullptr;  // of a run that ended just now; null during a run
  std::int64_t epoch = 0;          // how many are done
  std::int64_t epochs = 0;         // of each run
  double seconds_left = -1.0;      // for all runs; below 0 if it is not known yet
};

struct StudyContext {
  const StudySettings& settings;
  const StudyData& data;
  std::filesystem::path records_file;
  const std::atomic<bool>* stop = nullptr;
  std::function<void(const StudyProgress&)> progress;
  std::function<Measured(const PlannedRun&)> elsewhere{};  // runs a peer
};

/// Makes the runs that have no record yet, and appends each to `records` and their file as soon as it is
/// done. Returns false if it was stopped before the end.
bool do_runs(const std::vector<PlannedRun>& runs, const StudyContext& context, std::vector<Record>& records);

}  // namespace weft::mnist
