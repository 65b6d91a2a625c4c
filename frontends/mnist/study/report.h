#pragma once
// report.html: the whole study on one page that needs nothing but itself.

#include <string>
#include <vector>

#include "weft/frontends/mnist/study/figures.h"
#include "weft/frontends/mnist/study/findings.h"
#include "weft/frontends/mnist/study/lines_of_code.h"
#include "weft/frontends/mnist/study/output.h"

namespace weft::mnist {

struct FigureGroup {
  std::string heading;
  std::vector<Figure> figures;
};

struct ReportContent {
  std::vector<FigureGroup> figures;
  std::vector<Finding> findings;
  std::vector<PaperConclusion> conclusions;
  std::vector<CodeSize> code;
  std::vector<std::string> frameworks;  // which of them ran themselves, and why others did not
  bool drawn = true;                    // the figures' .svg files are there
};

/// Reads the figures from the folder. Throws Error(io) for one that is missing although `drawn`.
std::string report_html(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                        const ReportContent& content);

}  // namespace weft::mnist
