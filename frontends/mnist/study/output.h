#pragma once
// The tables and the JSON of a study's folder.

#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/findings.h"
#include "weft/frontends/mnist/study/paper_conclusions.h"
#include "weft/frontends/mnist/study/results.h"
#include "weft/frontends/mnist/study/settings.h"
#include "weft/frontends/report/machine.h"

namespace weft::mnist {

/// The files in the folder of a study.
struct StudyFolder {
  std::filesystem::path path;

  std::filesystem::path settings() const { return path / "settings.json"; }
  std::filesystem::path records() const { return path / "runs.jsonl"; }
  std::filesystem::path figures() const { return path / "figures"; }
  std::filesystem::path peer_data() const { return path / "data"; }
  std::filesystem::path report() const { return path / "report.html"; }
};

struct StudyOutcome {
  StudySettings settings;
  report::Machine machine;
  std::vector<Dialect> dialects;
  bool complete = false;  // not interrupted
};

/// Writes runs.csv, summary.csv and study.json, each atomically. Throws Error(io).
void write_tables(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                  const std::vector<Finding>& findings, const std::vector<PaperConclusion>& conclusions);

}  // namespace weft::mnist
