#include "weft/frontends/mnist/study/publish.h"

#include <algorithm>
#include <iterator>

#include "weft/frontends/mnist/study/networks.h"
#include "weft/frontends/mnist/study/report.h"
#include "weft/frontends/mnist/study/specimen.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/runtime/files/file_system.h"

namespace weft::mnist {
namespace {

/// The network for the figures about one network: the first with one hidden layer of 100, or another that was
/// run.
const Configuration* network_to_show(const Results& results, const std::string& dialect) {
  const Configuration* chosen = nullptr;
  for (const Configuration& one : paper_configurations()) {
    if (results.runs(dialect, one.name).empty()) continue;
    if (chosen == nullptr || one.name == "784-100-10 relu") chosen = &one;
  }
  return chosen;
}

/// The dialect that is the most accurate over all networks that were run.
const Dialect* dialect_to_show(const Results& results, const std::vector<Dialect>& dialects) {
  const Dialect* best = nullptr;
  double most = -1.0;
  for (const Dialect& dialect : dialects) {
    double sum = 0.0;
    for (const Configuration& one : paper_configurations()) {
      sum += results.accuracy_of(dialect.name, one.name).mean;
    }
    if (sum > most) {
      best = &dialect;
      most = sum;
    }
  }
  return best;
}

std::vector<Figure> specimen(const StudyOutcome& outcome, const Results& results,
                             const PublishOptions& options) {
  if (!outcome.complete) return {};
  const Dialect* const dialect = dialect_to_show(results, outcome.dialects);
  const Configuration* const network = dialect == nullptr ? nullptr : network_to_show(results, dialect->name);
  if (network == nullptr) return {};
  return specimen_figures(*dialect, *network, options.data,
                          {.epochs = outcome.settings.epochs,
                           .seed = outcome.settings.seed,
                           .threads = outcome.settings.threads,
                           .stop = options.stop});
}

}  // namespace

bool publish(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
             const PublishOptions& options) {
  ReportContent content;
  content.frameworks = options.frameworks;
  content.code = code_sizes(options.sources);
  content.findings = findings_of(results, outcome.dialects);
  content.conclusions = judge_paper(results, outcome.dialects);
  write_tables(folder, outcome, results, content.findings, content.conclusions);
  const auto effects = depth_effects(results, outcome.dialects);
  content.figures = {
      {.heading = "The digits and the networks",
       .figures = digit_figures(options.data, outcome.settings.synthetic)},
      {.heading = "The paper's figures", .figures = paper_figures(results, shortening_of(outcome.settings))},
      {.heading = "Why depth hurts", .figures = norm_figures(results, effects)},
      {.heading = "Learning curves", .figures = learning_curves(results)},
      {.heading = "One network, looked at", .figures = specimen(outcome, results, options)}};
  std::ranges::move(network_figures(), std::back_inserter(content.figures[0].figures));
  std::ranges::move(code_figures(content.code), std::back_inserter(content.figures[1].figures));
  for (const FigureGroup& group : content.figures) {
    content.drawn = draw_all(folder.figures(), group.figures) && content.drawn;
  }
  write_text_file(folder.report(), report_html(folder, outcome, results, content));
  return content.drawn;
}

}  // namespace weft::mnist
