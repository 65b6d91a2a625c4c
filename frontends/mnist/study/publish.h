#pragma once
// Everything that a study leaves in its folder beside the runs themselves: tables, figures and report.

#include <optional>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/output.h"
#include "weft/frontends/mnist/study/run.h"

namespace weft::mnist {

struct PublishOptions {
  std::filesystem::path sources;        // the project's root, for the lines of code
  std::vector<std::string> frameworks;  // which of them ran themselves, and why others did not
  const StudyData& data;
  const std::atomic<bool>* stop = nullptr;
};

/// Returns whether the figures were drawn: false where there is no gnuplot. Throws Error(io).
bool publish(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
             const PublishOptions& options);

}  // namespace weft::mnist
