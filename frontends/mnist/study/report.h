#pragma once
// report.html: the whole study on one self-contained page.

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
  std::vector<std::string> frameworks;  // see framework_notes
  bool drawn = true;                    // whether the figures' .svg files exist
};

/// Reads the figures from the folder. Throws Error(io) if one is missing although `drawn`.
std::string report_html(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                        const ReportContent& content);

}  // namespace weft::mnist
