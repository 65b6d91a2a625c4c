#include "weft/frontends/mnist/study/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "weft/frontends/mnist/study/paper.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/frontends/report/html.h"

namespace weft::mnist {
namespace {

using report::Html;
using report::HtmlTable;

std::string file_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(ErrorCode::io, fmt::format("{}: cannot be read", file.string()));
  return {std::istreambuf_iterator<char>(stream), {}};
}

Html figures_html(const StudyFolder& folder, const std::vector<Figure>& figures, bool drawn) {
  if (!drawn) {
    std::vector<std::string> names;
    for (const Figure& figure : figures)
      names.push_back(fmt::format("{} (figures/{}.gp)", figure.caption, figure.name));
    return report::bullets(names);
  }
  std::vector<Html> pictures;
  for (const Figure& figure : figures) {
    const std::string bytes =
        file_text(folder.figures() / (figure.name + (figure.picture ? ".png" : ".svg")));
    pictures.push_back(
        report::picture(figure.picture ? "image/png" : "image/svg+xml", bytes, figure.caption));
  }
  return report::gallery(pictures);
}

/// Networks as rows, curves as columns. A row without any value is left out.
template <typename CellOf>
Html network_table(const std::vector<Html>& head, std::size_t columns, const CellOf& cell_of) {
  HtmlTable table{.head = head, .rows = {}};
  for (const Configuration& configuration : paper_configurations()) {
    std::vector<Html> row{configuration.name};
    bool some = false;
    for (std::size_t column = 0; column < columns; ++column) {
      row.push_back(cell_of(column, configuration.name));
      some = some || !row.back().empty();
    }
    if (some) table.rows.push_back(std::move(row));
  }
  return report::html_of(table);
}

std::vector<Html> head_of(const std::vector<Curve>& curves) {
  std::vector<Html> head{"network"};
  for (const Curve& curve : curves) head.emplace_back(curve.title);
  return head;
}

/// The best accuracy of a row is bold.
Html accuracy_table(const Results& results) {
  const std::vector<Curve>& curves = results.series();
  return network_table(head_of(curves), curves.size(), [&](std::size_t column, const std::string& network) {
    const Estimate accuracy = results.accuracy_of(curves[column].name, network);
    if (accuracy.runs == 0) return Html();
    const bool best = std::ranges::none_of(curves, [&](const Curve& other) {
      return results.accuracy_of(other.name, network).mean > accuracy.mean;
    });
    return best ? report::bold(percent_text(accuracy)) : Html(percent_text(accuracy));
  });
}

Html time_cell(const Spread& times) { return times.runs == 0 ? Html() : Html(time_text(times)); }

Html training_table(const Results& results, const std::vector<Curve>& curves) {
  return network_table(head_of(curves), curves.size(), [&](std::size_t column, const std::string& network) {
    return time_cell(results.times_of(Metric::train_seconds, curves[column].name, network));
  });
}

/// Weft once for each network, then the frameworks that ran themselves.
Html prediction_table(const Results& results) {
  std::vector<Curve> others = results.frameworks();
  std::erase_if(others, [](const Curve& curve) { return is_weft(curve.kind); });
  std::vector<Html> head{"network", "weft, whatever the recipe"};
  for (const Curve& curve : others) head.emplace_back(curve.title);
  return network_table(head, head.size() - 1, [&](std::size_t column, const std::string& network) {
    return time_cell(column == 0
                         ? results.prediction_times_of_weft(network)
                         : results.times_of(Metric::predict_seconds, others[column - 1].name, network));
  });
}

Html conclusions_table(const std::vector<PaperConclusion>& conclusions) {
  HtmlTable table{.head = {"no.", "the paper concludes", "here", "our figures"}, .rows = {}, .prose = true};
  for (const PaperConclusion& one : conclusions) {
    table.rows.push_back({one.number, one.claim, report::bold(name_of(one.verdict)), one.figures});
  }
  return report::html_of(table) +
         report::paragraph(
             "Each recipe (and each framework that ran itself) is asked whether a conclusion holds for it. "
             "Confirmed: at least three of four say yes and none says no. Contradicted: more than half say "
             "no. Not "
             "confirmed: all else. Two times differ where their ranges over the seeds do not overlap; two "
             "accuracies where the 95% interval of their difference leaves out 0 and the difference is above "
             "0.2 "
             "points (with one seed: above 0.5 points).");
}

Html beside_paper_table(const std::vector<BesidePaper>& rows) {
  HtmlTable table{.head = {"figure", "what", "the paper's text says", "ours", "frameworks that ran here"},
                  .rows = {},
                  .prose = true};
  const bool some = std::ranges::any_of(rows, [](const BesidePaper& row) { return !row.frameworks.empty(); });
  if (!some) table.head.pop_back();
  for (const BesidePaper& row : rows) {
    std::vector<Html> cells{row.figure, row.quantity, row.paper, report::stacked(row.ours)};
    if (some) cells.push_back(report::stacked(row.frameworks));
    table.rows.push_back(std::move(cells));
  }
  return report::html_of(table) + report::paragraph(
                                      "The paper gives most of its results as plots; these are the numbers "
                                      "in its text. Its authors ran the "
                                      "frameworks themselves in 2016 on an Intel i7. Ours are weft's runs of "
                                      "the recipes on this machine: "
                                      "accuracies can be compared, while times of a recipe on weft say "
                                      "nothing of the framework's speed.");
}

Html recipes_table(const std::vector<Dialect>& dialects) {
  HtmlTable table{
      .head = {"recipe", "initial values", "pixels", "batch", "optimizer", "dropout", "label smoothing"},
      .rows = {}};
  for (const Dialect& dialect : dialects) {
    table.rows.push_back({recipe_name(dialect), describe(dialect.initializer), describe(dialect.input),
                          fmt::format("{}", dialect.batch), describe(dialect.optimizer),
                          fmt::format("{}", dialect.dropout), fmt::format("{}", dialect.label_smoothing)});
  }
  return report::html_of(table);
}

Html code_table(const std::vector<CodeSize>& code) {
  HtmlTable table{.head = {"program", "lines of code", "language", "file"}, .rows = {}};
  for (const CodeSize& one : code) {
    table.rows.push_back({one.title, fmt::format("{}", one.lines), one.language, one.file});
  }
  for (const PaperCodeSize& one : paper_code_sizes()) {
    table.rows.push_back({fmt::format("{} (the paper's count)", one.framework), fmt::format("{}", one.lines),
                          one.language, "table 1 of the paper"});
  }
  return report::html_of(table) + report::paragraph(
                                      "Ours are counted from the files: lines that hold code, without blank "
                                      "lines, comments and the lines "
                                      "that load the data. What the adapters share (data, flags, output) "
                                      "lies in files of its own and is "
                                      "not counted. The paper does not say by which rule it counted.");
}

std::string run_sentence(const StudyOutcome& outcome, const Results& results) {
  const StudySettings& settings = outcome.settings;
  return fmt::format("{} runs of {} epoch{}, {} seed{} for each network{}, {} thread{}. {}.",
                     results.records().size(), settings.epochs, settings.epochs == 1 ? "" : "s",
                     settings.repeats, settings.repeats == 1 ? "" : "s",
                     settings.samples > 0 ? fmt::format(", {} training images", settings.samples) : "",
                     settings.threads, settings.threads == 1 ? "" : "s", settings.data);
}

Html summary(const StudyOutcome& outcome, const Results& results, const ReportContent& content) {
  Html inside = report::paragraph(run_sentence(outcome, results));
  inside += report::paragraph(
      "A curve or column named after a framework is weft's engine running that framework's recipe: its "
      "initial "
      "values, pixel scale, batch size and optimizer. Only what is called \"itself\" is the framework's own "
      "program.");
  std::vector<std::string> texts = conclusions(content.findings);
  texts.insert(texts.begin(), verdicts_sentence(content.conclusions));
  inside += report::bullets(texts);
  inside += report::paragraph(
      "Accuracies are means over the seeds with Student's 95% interval, as far as it is possible. Times are "
      "medians "
      "with the range over the seeds, on this machine while it did whatever else it had to do.");
  Html html = report::summary_box(inside);
  if (outcome.settings.synthetic) {
    html += report::warning(
        "These digits are synthetic, not MNIST: do not compare the figures with published ones.");
  }
  if (!outcome.complete) {
    html += report::warning("The study was interrupted: some runs are missing. --resume goes on with it.");
  }
  const std::string shortening = shortening_of(outcome.settings);
  if (!shortening.empty()) {
    html += report::warning(fmt::format(
        "This is a shortened study ({}): the paper trained for ten epochs on all 60,000 images, and "
        "neither accuracies nor times nor verdicts are those of such a study.",
        shortening));
  }
  if (!content.drawn) {
    html += report::warning(
        "gnuplot is not installed (on Debian: apt-get install gnuplot-nox), so figures are given as scripts "
        "with "
        "their data; gnuplot draws each.");
  }
  return html;
}

Html reproduce(const StudyOutcome& outcome) {
  const StudySettings& s = outcome.settings;
  const report::Machine& m = outcome.machine;
  const std::string command =
      fmt::format("weft study --epochs {} --repeats {} --seed {} --samples {} --threads {}{}", s.epochs,
                  s.repeats, s.seed, s.samples, s.threads, s.peers ? " --peers" : "");
  HtmlTable table{.head = {"", ""}, .rows = {}};
  table.rows = {{"processor", fmt::format("{}, {} cores", m.cpu, m.cores)},
                {"memory", fmt::format("{:.1f} GiB", m.memory_gib)},
                {"system", m.system},
                {"compiler", m.compiler},
                {"weft", fmt::format("{} with oneDNN {}", m.version_of("weft"), m.version_of("oneDNN"))},
                {"data", fmt::format("{}, fingerprint {}", s.data, s.data_hash)}};
  return report::code(command) + report::html_of(table) +
         report::paragraph(
             "runs.csv has every run, summary.csv medians, means and intervals, study.json all of it with "
             "seeds, "
             "verdicts and the fingerprints of the compiled plans; figures/ has each figure as SVG, PNG and "
             "as a "
             "gnuplot script with its numbers. The same machine, threads and seed give the same accuracies "
             "to the "
             "bit.");
}

Html tables(const StudyOutcome& outcome, const Results& results, const ReportContent& content) {
  Html html = report::heading("Accuracy") + accuracy_table(results);
  html +=
      report::heading("Training time of the recipes on weft") + training_table(results, results.recipes());
  html += report::heading("Training time of frameworks themselves");
  if (!results.frameworks().empty()) {
    html += training_table(results, results.frameworks()) +
            report::paragraph("All do the same job: plain SGD with rate 0.1 on batches of 64.");
  }
  html += report::bullets(content.frameworks);
  html += report::heading("Prediction time of all test images") + prediction_table(results);
  if (!content.code.empty()) html += report::heading("Table 1: lines of code") + code_table(content.code);
  html += report::heading("The recipes") + recipes_table(outcome.dialects);
  return html;
}

}  // namespace

std::string report_html(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                        const ReportContent& content) {
  Html body = summary(outcome, results, content);
  body += report::heading("The paper's conclusions, one by one") + conclusions_table(content.conclusions);
  const auto beside = beside_paper(results, outcome.dialects);
  if (!beside.empty())
    body += report::heading("The paper's numbers beside ours") + beside_paper_table(beside);
  body += report::heading("What was found");
  for (const Finding& finding : content.findings) {
    body += report::subheading(finding.heading) + report::bullets(finding.sentences);
  }
  for (const FigureGroup& group : content.figures) {
    if (group.figures.empty()) continue;
    body += report::heading(group.heading) + figures_html(folder, group.figures, content.drawn);
  }
  body += tables(outcome, results, content);
  body += report::heading("How to reproduce") + reproduce(outcome);
  return report::page("Fully connected networks on handwritten digits: the study, repeated", body);
}

}  // namespace weft::mnist
