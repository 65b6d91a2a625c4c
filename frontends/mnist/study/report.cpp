#include "weft/frontends/mnist/study/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "weft/frontends/report/html.h"

namespace weft::mnist {
namespace {

std::string file_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(ErrorCode::io, fmt::format("{}: cannot be read", file.string()));
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string figures_html(const StudyFolder& folder, const std::vector<Figure>& figures, bool drawn) {
  if (!drawn) {
    std::vector<std::string> names;
    for (const Figure& figure : figures)
      names.push_back(fmt::format("{}: figures/{}.gp", figure.caption, figure.name));
    return bullets(names);
  }
  std::string html = "<div class=\"figures\">\n";
  for (const Figure& figure : figures) {
    const char* const ending = figure.picture ? ".png" : ".svg";
    const char* const type = figure.picture ? "image/png" : "image/svg+xml";
    const std::string image = data_address(type, file_text(folder.figures() / (figure.name + ending)));
    html += fmt::format("<figure><img src=\"{}\" alt=\"{}\"><figcaption>{}</figcaption></figure>\n", image,
                        escaped(figure.caption), escaped(figure.caption));
  }
  return html + "</div>\n";
}

std::string seconds_text(const Estimate& seconds, double factor, const char* unit) {
  if (seconds.runs < 2) return fmt::format("{:.2f} {}", factor * seconds.mean, unit);
  return fmt::format("{:.2f} \u00b1 {:.2f} {}", factor * seconds.mean, factor * seconds.half, unit);
}

std::string cell(Metric metric, const Estimate& all) {
  constexpr double kMilli = 1000.0;
  if (all.runs == 0) return "";
  if (metric == Metric::accuracy) return percent_text(all);
  return metric == Metric::train_seconds ? seconds_text(all, 1.0, "s") : seconds_text(all, kMilli, "ms");
}

/// Networks as rows, series as columns; the best accuracy of a row is bold.
std::string metric_table(const Results& results, Metric metric) {
  HtmlTable table{.head = {"network"}, .rows = {}};
  for (const Curve& curve : results.series()) table.head.push_back(curve.title);
  for (const Configuration& configuration : paper_configurations()) {
    std::vector<Estimate> all;
    double best = 0.0;
    for (const Curve& curve : results.series()) {
      all.push_back(results.estimate_of(metric, curve.name, configuration.name));
      best = std::max(best, all.back().mean);
    }
    if (std::ranges::all_of(all, [](const Estimate& one) { return one.runs == 0; })) continue;
    std::vector<std::string> row{escaped(configuration.name)};
    for (const Estimate& one : all) {
      const bool bold = metric == Metric::accuracy && one.runs > 0 && one.mean == best;
      row.push_back(bold ? fmt::format("<b>{}</b>", cell(metric, one)) : cell(metric, one));
    }
    table.rows.push_back(row);
  }
  return html_of(table);
}

std::string dialects_table(const std::vector<Dialect>& dialects) {
  HtmlTable table{
      .head = {"dialect", "initial values", "pixels", "batch", "optimizer", "dropout", "label smoothing"},
      .rows = {}};
  for (const Dialect& dialect : dialects) {
    table.rows.push_back({escaped(dialect.title), escaped(describe(dialect.initializer)),
                          escaped(describe(dialect.input)), fmt::format("{}", dialect.batch),
                          escaped(describe(dialect.optimizer)), fmt::format("{}", dialect.dropout),
                          fmt::format("{}", dialect.label_smoothing)});
  }
  return html_of(table);
}

std::string code_table(const std::vector<CodeSize>& code) {
  HtmlTable table{.head = {"program", "lines of code", "language", "file"}, .rows = {}};
  for (const CodeSize& one : code) {
    table.rows.push_back(
        {escaped(one.title), fmt::format("{}", one.lines), escaped(one.language), escaped(one.file)});
  }
  return html_of(table) +
         paragraph(
             "Counted from the files: lines that hold code, without blank lines, comments and the lines that "
             "load the data. What the peers' programs share (data, flags, output) lies in files of its own "
             "and "
             "is not counted. The paper counted 62 for Theano with Keras, 165 for Torch, 110 for Caffe, 80 "
             "for "
             "TensorFlow and 130 for Deeplearning4J.");
}

std::string run_sentence(const StudyOutcome& outcome, const Results& results) {
  const StudySettings& settings = outcome.settings;
  return fmt::format("{} runs of {} epoch{}, {} seed{} for each network{}, {} thread{}. {}.",
                     results.records().size(), settings.epochs, settings.epochs == 1 ? "" : "s",
                     settings.repeats, settings.repeats == 1 ? "" : "s",
                     settings.samples > 0 ? fmt::format(", {} training images", settings.samples) : "",
                     settings.threads, settings.threads == 1 ? "" : "s", settings.data);
}

std::string summary(const StudyOutcome& outcome, const Results& results, const ReportContent& content) {
  std::string html = "<div class=\"summary\">\n" + paragraph(run_sentence(outcome, results));
  html += bullets(conclusions(content.findings));
  html += paragraph(
      "Values are means over the seeds with Student's 95% interval. Times are those of this machine while it "
      "did "
      "whatever else it had to do.");
  html += "</div>\n";
  const auto warn = [&](std::string_view text) {
    html += fmt::format("<p class=\"warning\">{}</p>\n", escaped(text));
  };
  if (outcome.settings.synthetic) {
    warn("These digits are synthetic, not MNIST: do not compare the figures with published ones.");
  }
  if (!outcome.complete) warn("The study was interrupted: some runs are missing. --resume goes on with it.");
  if (outcome.settings.samples > 0 || outcome.settings.epochs < 10) {
    warn("A shortened study: accuracies are below those of ten epochs on all images.");
  }
  if (!content.drawn) {
    warn(
        "gnuplot is not installed (on Debian: apt-get install gnuplot-nox), so figures are given as scripts "
        "with "
        "their data; gnuplot draws each.");
  }
  return html;
}

std::string reproduce(const StudyOutcome& outcome) {
  const StudySettings& s = outcome.settings;
  const Machine& m = outcome.machine;
  const std::string command =
      fmt::format("weft study --epochs {} --repeats {} --seed {} --samples {} --threads {}{}", s.epochs,
                  s.repeats, s.seed, s.samples, s.threads, s.peers ? " --peers" : "");
  HtmlTable table{.head = {"", ""}, .rows = {}};
  table.rows = {
      {"processor", escaped(fmt::format("{}, {} cores", m.cpu, m.cores))},
      {"memory", fmt::format("{:.1f} GiB", m.memory_gib)},
      {"system", escaped(m.system)},
      {"compiler", escaped(m.compiler)},
      {"weft", escaped(fmt::format("{} with oneDNN {}", m.version_of("weft"), m.version_of("oneDNN")))},
      {"data", escaped(fmt::format("{}, fingerprint {}", s.data, s.data_hash))}};
  return fmt::format("<pre>{}</pre>\n", escaped(command)) + html_of(table) +
         paragraph(
             "runs.csv has every run, summary.csv the means and intervals, study.json all of it with seeds "
             "and "
             "the fingerprints of the compiled plans; figures/ has each figure as SVG, PNG and as a gnuplot "
             "script with its data. The same machine, threads and seed give the same accuracies to the bit.");
}

}  // namespace

std::string report_html(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                        const ReportContent& content) {
  std::string body = summary(outcome, results, content);
  body += heading("What was found");
  for (const Finding& finding : content.findings) {
    body += fmt::format("<h3>{}</h3>\n", escaped(finding.heading)) + bullets(finding.sentences);
  }
  for (const FigureGroup& group : content.figures) {
    if (group.figures.empty()) continue;
    body += heading(group.heading) + figures_html(folder, group.figures, content.drawn);
  }
  body += heading("Accuracy") + metric_table(results, Metric::accuracy);
  body += heading("Training time") + metric_table(results, Metric::train_seconds);
  body += heading("Prediction time of all test images") + metric_table(results, Metric::predict_seconds);
  if (!content.code.empty()) body += heading("Table 1: lines of code") + code_table(content.code);
  if (!content.absent_peers.empty()) body += heading("Absent frameworks") + bullets(content.absent_peers);
  body += heading("The dialects") + dialects_table(outcome.dialects);
  body += heading("How to reproduce") + reproduce(outcome);
  return page("Fully connected networks on handwritten digits: the study, repeated", body);
}

}  // namespace weft::mnist
