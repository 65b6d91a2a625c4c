#pragma once
// Writes what a study leaves in its folder besides the runs: tables, figures and report.

#include <optional>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/output.h"
#include "weft/frontends/mnist/study/run.h"

namespace weft::mnist {

struct PublishOptions {
  std::filesystem::path sources;        // the project's root, for the lines of code
  std::vector<std::string> frameworks;  // see framework_notes
  const StudyData& data;
  const std::atomic<bool>* stop = nullptr;
};

/// Returns whether the figures were drawn, which needs gnuplot. Throws Error(io).
bool publish(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
             const PublishOptions& options);

}  // namespace weft::mnist
