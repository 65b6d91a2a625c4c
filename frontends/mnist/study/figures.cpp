#include "weft/frontends/mnist/study/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "weft/frontends/mnist/study/paper.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/frontends/report/file_name.h"

namespace weft::mnist {
namespace {

using report::BarChart;
using report::ChartLine;
using report::ChartPoint;
using report::LineChart;

constexpr std::size_t kStyleOfWeft = 5;

/// The networks of one group of the paper's figures, and their places on the x axis.
struct Axis {
  NetworkGroup group;
  std::string label;
  std::vector<const Configuration*> networks;
  std::vector<std::pair<double, std::string>> ticks;
};

Axis axis_of(const NetworkGroup& group) {
  const bool depth = group.series == Series::depth;
  Axis axis{.group = group,
            .label = depth ? "hidden layers of 100 units" : "units of one hidden layer",
            .networks = networks_of(group),
            .ticks = {}};
  for (const Configuration* network : axis.networks) {
    const auto layers = static_cast<std::int64_t>(network->layers.size());
    axis.ticks.emplace_back(static_cast<double>(axis.ticks.size() + 1),
                            fmt::format("{}", depth ? layers : network->layers[0]));
  }
  return axis;
}

ChartPoint point_of(double x, const Spread& times) {
  return {.x = x, .y = times.median, .low = times.low, .high = times.high};
}

ChartPoint point_of(double x, const Estimate& share) {
  const Interval possible = interval_within(share, 0.0, 1.0);
  return {
      .x = x, .y = kPercent * share.mean, .low = kPercent * possible.low, .high = kPercent * possible.high};
}

/// A line through the values that `value_of` gives for the networks of the axis; networks without runs are
/// left out.
template <typename ValueOf>
ChartLine line_over(const Axis& axis, const std::string& title, std::size_t style, const ValueOf& value_of) {
  ChartLine line{.title = title, .style = style, .points = {}};
  for (std::size_t i = 0; i < axis.networks.size(); ++i) {
    const auto value = value_of(axis.networks[i]->name);
    if (value.runs > 0) line.points.push_back(point_of(axis.ticks[i].first, value));
  }
  return line;
}

ChartLine curve_line(const Results& results, const Axis& axis, Metric metric, const Curve& curve) {
  if (metric == Metric::accuracy) {
    return line_over(axis, curve.title, curve.style,
                     [&](const std::string& network) { return results.accuracy_of(curve.name, network); });
  }
  return line_over(axis, curve.title, curve.style,
                   [&](const std::string& network) { return results.times_of(metric, curve.name, network); });
}

/// The numbers of the paper's text, grey and dashed.
std::vector<ChartLine> lines_of_paper(const Axis& axis, Metric metric) {
  std::vector<ChartLine> lines;
  for (const PaperStatement& statement : paper_statements()) {
    const bool here = statement.metric == metric && statement.group.series == axis.group.series &&
                      std::string_view(statement.group.activation) == axis.group.activation;
    if (!here) continue;
    ChartLine line{.title = statement.legend, .style = lines.size(), .points = {}, .reference = true};
    for (const PaperPoint& point : statement.points) {
      const double y = (metric == Metric::accuracy ? kPercent : 1.0) * point.value;
      line.points.push_back({.x = static_cast<double>(point.place), .y = y, .low = y, .high = y});
    }
    lines.push_back(line);
  }
  return lines;
}

LineChart chart_on(const Axis& axis, const std::string& title, const std::string& y_label) {
  return {.title = title,
          .x_label = axis.label,
          .y_label = y_label,
          .x_ticks = axis.ticks,
          .from_zero = false,
          .logarithmic = false,
          .lines = {}};
}

void add_lines(LineChart& chart, std::vector<ChartLine> lines) {
  std::erase_if(lines, [](const ChartLine& line) { return line.points.empty(); });
  std::ranges::move(lines, std::back_inserter(chart.lines));
}

std::vector<ChartLine> curve_lines(const Results& results, const Axis& axis, Metric metric,
                                   const std::vector<Curve>& curves) {
  std::vector<ChartLine> lines;
  for (const Curve& curve : curves) lines.push_back(curve_line(results, axis, metric, curve));
  return lines;
}

constexpr const char* kSeconds = "seconds (lower is better)";

/// The times of all recipes' runs on a network.
Spread over_recipes(const Results& results, Metric metric, const std::string& network) {
  std::vector<double> seconds;
  for (const Curve& curve : results.recipes()) {
    const auto values = results.values(metric, curve.name, network);
    seconds.insert(seconds.end(), values.begin(), values.end());
  }
  return spread_of(seconds);
}

LineChart recipe_times(const Results& results, const Axis& axis) {
  LineChart chart = chart_on(
      axis, fmt::format("Recipes on weft: {}", quantity_of(axis.group, Metric::train_seconds)), kSeconds);
  chart.from_zero = true;
  add_lines(chart, curve_lines(results, axis, Metric::train_seconds, results.recipes()));
  return chart;
}

/// The times of weft and of the frameworks: at the same job if frameworks ran, otherwise weft's over its
/// recipes. Without anything to compare there are no lines.
LineChart framework_times(const Results& results, const Axis& axis) {
  LineChart chart =
      chart_on(axis, fmt::format("Frameworks: {}", quantity_of(axis.group, Metric::train_seconds)), kSeconds);
  chart.logarithmic = true;
  add_lines(chart, curve_lines(results, axis, Metric::train_seconds, results.frameworks()));
  const bool ran = !chart.lines.empty();
  auto paper = lines_of_paper(axis, Metric::train_seconds);
  if (!ran && paper.empty()) return chart;
  if (!ran) {
    add_lines(chart,
              {line_over(axis, "weft, over all recipes", kStyleOfWeft, [&](const std::string& network) {
                return over_recipes(results, Metric::train_seconds, network);
              })});
  }
  if (!chart.lines.empty()) add_lines(chart, std::move(paper));
  return chart;
}

LineChart prediction_times(const Results& results, const Axis& axis) {
  LineChart chart = chart_on(
      axis, fmt::format("Frameworks: {}", quantity_of(axis.group, Metric::predict_seconds)), kSeconds);
  add_lines(chart,
            {line_over(axis, "weft, whatever the recipe", kStyleOfWeft, [&](const std::string& network) {
              return results.prediction_times_of_weft(network);
            })});
  std::vector<Curve> others = results.frameworks();
  std::erase_if(others, [](const Curve& curve) { return is_weft(curve.kind); });
  add_lines(chart, curve_lines(results, axis, Metric::predict_seconds, others));
  if (!chart.lines.empty()) add_lines(chart, lines_of_paper(axis, Metric::predict_seconds));
  chart.logarithmic = chart.lines.size() > 1;
  chart.from_zero = !chart.logarithmic;
  return chart;
}

LineChart accuracies(const Results& results, const Axis& axis) {
  LineChart chart =
      chart_on(axis, fmt::format("Recipes on weft: {}", quantity_of(axis.group, Metric::accuracy)),
               "percent of the test images (higher is better)");
  chart.percent = true;
  add_lines(chart, curve_lines(results, axis, Metric::accuracy, results.recipes()));
  add_lines(chart, curve_lines(results, axis, Metric::accuracy, results.frameworks()));
  if (!chart.lines.empty()) add_lines(chart, lines_of_paper(axis, Metric::accuracy));
  return chart;
}

void add_figure(std::vector<Figure>& figures, const std::string& name, const std::string& caption,
                const LineChart& chart) {
  if (chart.lines.empty()) return;
  figures.push_back(
      {.name = name, .caption = caption, .script = script_of(chart), .aspect = aspect_of(chart)});
}

/// For each epoch, the mean over the seeds.
std::vector<double> epoch_means(const std::vector<const Record*>& runs,
                                std::vector<double> Measured::* values) {
  std::vector<double> sums;
  for (const Record* record : runs) {
    const auto& list = record->measured.*values;
    if (sums.size() < list.size()) sums.resize(list.size(), 0.0);
    for (std::size_t i = 0; i < list.size(); ++i) sums[i] += list[i] / static_cast<double>(runs.size());
  }
  return sums;
}

ChartLine epoch_line(const Curve& curve, const std::vector<double>& values, double factor) {
  ChartLine line{.title = curve.title, .style = curve.style, .points = {}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double y = factor * values[i];
    line.points.push_back({.x = static_cast<double>(i + 1), .y = y, .low = y, .high = y});
  }
  return line;
}

const Configuration* deepest_run(const Results& results, const std::string& activation) {
  const Configuration* deepest = nullptr;
  for (const Configuration& one : paper_configurations()) {
    if (one.series != Series::depth || one.activation != activation) continue;
    const bool run = std::ranges::any_of(
        results.series(), [&](const Curve& curve) { return !results.runs(curve.name, one.name).empty(); });
    if (run) deepest = &one;
  }
  return deepest;
}

ChartLine layer_line(const std::string& title, std::size_t style, const std::vector<const Record*>& runs,
                     double LayerNorms::* norm) {
  ChartLine line{.title = title, .style = style, .points = {}};
  for (const Record* record : runs) {
    const auto& layers = record->measured.at_start;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (line.points.size() <= i) line.points.push_back({.x = static_cast<double>(i + 1)});
      ChartPoint& point = line.points[i];
      point.y += layers[i].*norm / static_cast<double>(runs.size());
      point.low = point.high = point.y;
    }
  }
  return line;
}

Figure norm_figure(const Results& results, const DepthEffect& effect, const std::string& what,
                   double LayerNorms::* norm) {
  LineChart chart{
      .title = fmt::format("{}, {}: {} by layer", recipe_on_weft(*effect.dialect), effect.activation, what),
      .x_label = "layer, from the pixels to the logits",
      .y_label = "root mean square before training",
      .x_ticks = {},
      .from_zero = false,
      .logarithmic = true,
      .lines = {}};
  const std::string& series = effect.dialect->name;
  chart.lines.push_back(layer_line("its own recipe", 0, results.runs(series, effect.deep->name), norm));
  for (const SwapEffect& swap : swap_effects(effect, results)) {
    if (swap.variant.find("rate") != std::string::npos || swap.variant.find("optimizer") != std::string::npos)
      continue;
    chart.lines.push_back(layer_line("with " + swap.variant, chart.lines.size(),
                                     results.runs(series, effect.deep->name, swap.variant), norm));
  }
  for (const ChartPoint& point : chart.lines[0].points) {
    chart.x_ticks.emplace_back(point.x, point.x == chart.lines[0].points.back().x
                                            ? "logits"
                                            : fmt::format("{}", static_cast<int>(point.x)));
  }
  return {.name = report::file_name_from(
              fmt::format("norms-{}-{}-{}", series, effect.activation,
                          norm == &LayerNorms::gradient ? "gradients" : "activations")),
          .caption = fmt::format("{} of {} with {} before the first step", what,
                                 recipe_on_weft(*effect.dialect), effect.activation),
          .script = script_of(chart),
          .aspect = aspect_of(chart)};
}

}  // namespace

std::vector<Figure> paper_figures(const Results& results, const std::string& shortening) {
  const std::string ours = shortening.empty() ? "" : fmt::format(" Our runs are shortened: {}.", shortening);
  std::vector<Figure> figures;
  int number = 4;  // the paper's first
  for (const NetworkGroup& group : {NetworkGroup{Series::depth, "tanh"}, NetworkGroup{Series::depth, "relu"},
                                    NetworkGroup{Series::width, "relu"}}) {
    const Axis axis = axis_of(group);
    const auto paper_has = [&](Metric metric) {
      return lines_of_paper(axis, metric).empty()
                 ? std::string()
                 : " Dashed: what the paper's text says of the frameworks themselves, on another machine.";
    };
    const auto caption = [&](int figure, const char* whose, Metric metric, const std::string& more) {
      return fmt::format("Figure {} of the paper, {}: {}{}", figure, whose, quantity_of(group, metric), more);
    };
    add_figure(figures, fmt::format("figure-{:02}", number),
               caption(number, "the recipes on weft", Metric::train_seconds,
                       "; medians and ranges over the seeds. It compares recipes, not frameworks."),
               recipe_times(results, axis));
    add_figure(figures, fmt::format("figure-{:02}-frameworks", number),
               caption(number, "frameworks", Metric::train_seconds, "; medians and ranges.") +
                   paper_has(Metric::train_seconds) + ours,
               framework_times(results, axis));
    add_figure(
        figures, fmt::format("figure-{:02}", number + 1),
        caption(number + 1, "frameworks", Metric::predict_seconds,
                ", of all test images; medians and ranges. Whatever recipe trained a network, weft predicts "
                "with the same engine.") +
            paper_has(Metric::predict_seconds),
        prediction_times(results, axis));
    add_figure(figures, fmt::format("figure-{:02}", number + 2),
               caption(number + 2, "the recipes on weft", Metric::accuracy,
                       "; means and 95% intervals over the seeds.") +
                   paper_has(Metric::accuracy) + ours,
               accuracies(results, axis));
    number += 3;
  }
  return figures;
}

std::vector<Figure> code_figures(const std::vector<CodeSize>& code) {
  BarChart chart{.title = "Lines of code", .y_label = "lines (lower is better)", .bars = {}};
  for (const CodeSize& one : code) {
    chart.bars.push_back({.label = one.title + ", " + one.language,
                          .value = static_cast<double>(one.lines),
                          .style = chart.bars.size()});
  }
  for (const PaperCodeSize& one : paper_code_sizes()) {
    chart.bars.push_back({.label = fmt::format("Paper: {}", one.framework),
                          .value = static_cast<double>(one.lines),
                          .reference = true});
  }
  return {{.name = "figure-13",
           .caption =
               "Figure 13 of the paper: lines of code of the programs in our repository, and grey those of "
               "the paper's own programs as its table 1 counts them",
           .script = script_of(chart)}};
}

std::vector<Figure> learning_curves(const Results& results) {
  std::vector<Figure> figures;
  for (const char* const activation : {"tanh", "relu"}) {
    const Configuration* const network = deepest_run(results, activation);
    if (network == nullptr) continue;
    LineChart loss{.title = "Training loss, " + network->name,
                   .x_label = "epoch",
                   .y_label = "mean loss of the epoch",
                   .x_ticks = {},
                   .from_zero = false,
                   .logarithmic = true,
                   .lines = {}};
    LineChart accuracy = loss;
    accuracy.title = "Accuracy after each epoch, " + network->name;
    accuracy.y_label = "percent of the test images";
    accuracy.logarithmic = false;
    accuracy.percent = true;
    for (const Curve& curve : results.series()) {
      const auto runs = results.runs(curve.name, network->name);
      loss.lines.push_back(epoch_line(curve, epoch_means(runs, &Measured::losses), 1.0));
      accuracy.lines.push_back(epoch_line(curve, epoch_means(runs, &Measured::accuracies), 100.0));
    }
    for (LineChart* chart : {&loss, &accuracy}) {
      std::erase_if(chart->lines, [](const ChartLine& line) { return line.points.empty(); });
      if (chart->lines.empty()) continue;
      figures.push_back(
          {.name = fmt::format("learning-{}-{}", activation, chart == &loss ? "loss" : "accuracy"),
           .caption = chart->title + " (means over the seeds)",
           .script = script_of(*chart),
           .aspect = aspect_of(*chart)});
    }
  }
  return figures;
}

std::vector<Figure> norm_figures(const Results& results, const std::vector<DepthEffect>& effects) {
  std::vector<Figure> figures;
  for (const DepthEffect& effect : effects) {
    if (!effect.falls) continue;
    figures.push_back(norm_figure(results, effect, "Activations", &LayerNorms::activation));
    figures.push_back(norm_figure(results, effect, "Gradients", &LayerNorms::gradient));
  }
  return figures;
}

bool draw_all(const std::filesystem::path& folder, const std::vector<Figure>& figures) {
  bool drawn = true;
  for (const Figure& figure : figures)
    drawn = report::draw(folder, figure.name, figure.script, figure.aspect) && drawn;
  return drawn;
}

}  // namespace weft::mnist
