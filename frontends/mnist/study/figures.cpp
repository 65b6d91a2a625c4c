#include "weft/frontends/mnist/study/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace weft::mnist {
namespace {

/// The networks of one group of the paper's figures, and where each stands on the x axis.
struct Group {
  std::string what;  // "depth, tanh"
  std::string x_label;
  std::vector<const Configuration*> configurations;
  std::vector<std::pair<double, std::string>> ticks;
};

Group group_of(Series series, const std::string& activation) {
  Group group;
  const bool depth = series == Series::depth;
  group.what = fmt::format("{}, {}", depth ? "depth" : "width", activation);
  group.x_label = depth ? "hidden layers of 100 units" : "units of one hidden layer";
  for (const Configuration& one : paper_configurations()) {
    if (one.series != series || one.activation != activation) continue;
    group.configurations.push_back(&one);
    const auto place = static_cast<double>(group.configurations.size());
    group.ticks.emplace_back(
        place, fmt::format("{}", depth ? static_cast<std::int64_t>(one.layers.size()) : one.layers[0]));
  }
  return group;
}

struct MetricText {
  Metric metric;
  const char* title;
  const char* y_label;
  double factor;
  double most;  // that is possible: intervals end there
  bool from_zero;
};
constexpr std::array kMetrics{
    MetricText{Metric::train_seconds, "Training time", "seconds (lower is better)", 1.0, HUGE_VAL, true},
    MetricText{Metric::predict_seconds, "Prediction time", "seconds (lower is better)", 1.0, HUGE_VAL, true},
    MetricText{Metric::accuracy, "Accuracy", "percent (higher is better)", 100.0, 1.0, false}};

LineChart chart_of(const Results& results, const Group& group, const MetricText& text) {
  LineChart chart{.title = fmt::format("{} by {}", text.title, group.what),
                  .x_label = group.x_label,
                  .y_label = text.y_label,
                  .x_ticks = group.ticks,
                  .from_zero = text.from_zero,
                  .logarithmic = false,
                  .lines = {}};
  for (std::size_t i = 0; i < results.series().size(); ++i) {
    const Curve& curve = results.series()[i];
    ChartLine line{.title = curve.title, .style = curve.style, .points = {}};
    for (std::size_t k = 0; k < group.configurations.size(); ++k) {
      const Estimate all = results.estimate_of(text.metric, curve.name, group.configurations[k]->name);
      if (all.runs == 0) continue;
      line.points.push_back({.x = group.ticks[k].first,
                             .y = text.factor * all.mean,
                             .low = text.factor * std::max(all.low(), 0.0),
                             .high = text.factor * std::min(all.high(), text.most)});
    }
    if (!line.points.empty()) chart.lines.push_back(line);
  }
  return chart;
}

/// Means over the seeds of what happened in each epoch.
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
  LineChart chart{.title = fmt::format("{}, {}: {} by layer", effect.dialect->title, effect.activation, what),
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
  return {.name = fmt::format("norms-{}-{}-{}", series, effect.activation,
                              norm == &LayerNorms::gradient ? "gradients" : "activations"),
          .caption = fmt::format("{} of {} with {} before the first step", what, effect.dialect->title,
                                 effect.activation),
          .script = script_of(chart),
          .aspect = aspect_of(chart)};
}

}  // namespace

std::vector<Figure> paper_figures(const Results& results) {
  std::vector<Figure> figures;
  int number = 4;  // the paper's first
  for (const Group& group :
       {group_of(Series::depth, "tanh"), group_of(Series::depth, "relu"), group_of(Series::width, "relu")}) {
    for (const MetricText& text : kMetrics) {
      const LineChart chart = chart_of(results, group, text);
      if (!chart.lines.empty()) {
        figures.push_back(
            {.name = fmt::format("figure-{:02}", number),
             .caption = fmt::format("Figure {} of the paper: {} by {}", number, text.title, group.what),
             .script = script_of(chart),
             .aspect = aspect_of(chart)});
      }
      ++number;
    }
  }
  return figures;
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
           .caption = "Learning curves: " + chart->title,
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
    drawn = draw(folder, figure.name, figure.script, figure.aspect) && drawn;
  return drawn;
}

}  // namespace weft::mnist
