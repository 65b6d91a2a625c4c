#include "weft/frontends/mnist/study/paper.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "weft/frontends/mnist/study/wording.h"

namespace weft::mnist {
namespace {

constexpr NetworkGroup kDepthTanh{.series = Series::depth, .activation = "tanh"};
constexpr NetworkGroup kWidthRelu{.series = Series::width, .activation = "relu"};

std::string size_text(const Configuration& network) {
  return network.series == Series::depth
             ? fmt::format("{} layer{}", network.layers.size(), network.layers.size() == 1 ? "" : "s")
             : fmt::format("{} units", network.layers[0]);
}

std::string value_text(const Results& results, Metric metric, const std::string& series,
                       const std::string& network) {
  return metric == Metric::accuracy ? percent_text(results.accuracy_of(series, network))
                                    : time_text(results.times_of(metric, series, network));
}

/// "94.1% with 1 layer, 96.0% with 4 layers": a series on the first and the last network of a group.
std::string ends_text(const Results& results, Metric metric, const std::string& series,
                      const NetworkGroup& group) {
  std::vector<const Configuration*> run = networks_of(group);
  std::erase_if(run, [&](const Configuration* one) { return results.runs(series, one->name).empty(); });
  if (run.empty()) return "";
  std::vector<std::string> ends;
  for (const Configuration* one : {run.front(), run.back()}) {
    if (!ends.empty() && run.size() == 1) break;
    ends.push_back(
        fmt::format("{} with {}", value_text(results, metric, series, one->name), size_text(*one)));
  }
  return fmt::format("{}", fmt::join(ends, ", "));
}

std::vector<std::string> prediction_of_weft(const Results& results, const NetworkGroup& group) {
  std::vector<std::string> ends;
  const auto networks = networks_of(group);
  for (const Configuration* one : {networks.front(), networks.back()}) {
    const Spread seconds = results.prediction_times_of_weft(one->name);
    if (seconds.runs > 0) ends.push_back(fmt::format("{} with {}", time_text(seconds), size_text(*one)));
  }
  if (ends.empty()) return {};
  return {fmt::format("weft, whatever the recipe: {}", fmt::join(ends, ", "))};
}

std::vector<std::string> ours(const Results& results, const std::vector<Dialect>& dialects,
                              const PaperStatement& statement) {
  if (statement.metric == Metric::predict_seconds) return prediction_of_weft(results, statement.group);
  std::vector<std::string> texts;
  for (const char* const name : statement.recipes) {
    const auto dialect = std::ranges::find(dialects, std::string_view(name), &Dialect::name);
    if (dialect == dialects.end()) continue;
    const std::string text = ends_text(results, statement.metric, dialect->name, statement.group);
    if (!text.empty()) texts.push_back(fmt::format("{}: {}", recipe_on_weft(*dialect), text));
  }
  return texts;
}

std::vector<std::string> themselves(const Results& results, const PaperStatement& statement) {
  std::vector<std::string> texts;
  for (const Curve& curve : results.frameworks()) {
    const std::string text = ends_text(results, statement.metric, curve.name, statement.group);
    if (!text.empty()) texts.push_back(fmt::format("{}: {}", curve.title, text));
  }
  return texts;
}

}  // namespace

std::span<const PaperStatement> paper_statements() {
  static const std::vector<PaperStatement> all{
      {.figure = 4,
       .group = kDepthTanh,
       .metric = Metric::train_seconds,
       .who = "Theano, Torch, Caffe and TensorFlow",
       .says = "within 30 s for 1 to 4 layers",
       .legend = "Paper: four others, within 30 s",
       .recipes = {"theano-keras", "torch", "caffe", "tensorflow"},
       .points = {{1, 30.0}, {2, 30.0}, {3, 30.0}, {4, 30.0}}},
      {.figure = 4,
       .group = kDepthTanh,
       .metric = Metric::train_seconds,
       .who = "Deeplearning4J",
       .says = "from about 140 s with 1 layer up to 210 s with 4",
       .legend = "Paper: Deeplearning4J, 140-210 s",
       .recipes = {"deeplearning4j"},
       .points = {{1, 140.0}, {4, 210.0}}},
      {.figure = 5,
       .group = kDepthTanh,
       .metric = Metric::predict_seconds,
       .who = "Theano, Torch, Caffe and TensorFlow",
       .says = "less than 0.4 s",
       .legend = "Paper: four others, below 0.4 s",
       .recipes = {},
       .points = {{1, 0.4}, {2, 0.4}, {3, 0.4}, {4, 0.4}}},
      {.figure = 5,
       .group = kDepthTanh,
       .metric = Metric::predict_seconds,
       .who = "Deeplearning4J",
       .says = "from 0.75 s with 1 layer up to almost 1.1 s with 4",
       .legend = "Paper: Deeplearning4J, 0.75-1.1 s",
       .recipes = {},
       .points = {{1, 0.75}, {4, 1.1}}},
      {.figure = 6,
       .group = kDepthTanh,
       .metric = Metric::accuracy,
       .who = "Theano (Keras), Deeplearning4J and Caffe",
       .says = "from 94% (Caffe, 1 layer) up to 98% (Theano, 4 layers)",
       .legend = "Paper: Caffe 94% to Theano 98%",
       .recipes = {"theano-keras", "deeplearning4j", "caffe"},
       .points = {{1, 0.94}, {4, 0.98}}},
      {.figure = 12,
       .group = kWidthRelu,
       .metric = Metric::accuracy,
       .who = "Theano, Caffe, TensorFlow and Deeplearning4J",
       .says = "around 97% for 64 to 1024 units",
       .legend = "Paper: all but Torch, around 97%",
       .recipes = {"theano-keras", "caffe", "tensorflow", "deeplearning4j"},
       .points = {{1, 0.97}, {2, 0.97}, {3, 0.97}, {4, 0.97}, {5, 0.97}}}};
  return all;
}

std::span<const PaperCodeSize> paper_code_sizes() {
  static constexpr std::array kSizes{
      PaperCodeSize{"Theano (with Keras)", "Python", 62}, PaperCodeSize{"Torch", "Lua", 165},
      PaperCodeSize{"Caffe", "Protobuf", 110}, PaperCodeSize{"TensorFlow", "Python", 80},
      PaperCodeSize{"Deeplearning4J", "Java", 130}};
  return kSizes;
}

std::vector<const Configuration*> networks_of(const NetworkGroup& group) {
  std::vector<const Configuration*> networks;
  for (const Configuration& one : paper_configurations()) {
    if (one.series == group.series && one.activation == group.activation) networks.push_back(&one);
  }
  return networks;
}

std::string quantity_of(const NetworkGroup& group, Metric metric) {
  const char* const what = metric == Metric::accuracy        ? "accuracy"
                           : metric == Metric::train_seconds ? "training time"
                                                             : "prediction time";
  return fmt::format("{} by {}, {}", what, group.series == Series::depth ? "depth" : "width",
                     group.activation);
}

std::vector<BesidePaper> beside_paper(const Results& results, const std::vector<Dialect>& dialects) {
  std::vector<BesidePaper> rows;
  for (const PaperStatement& statement : paper_statements()) {
    BesidePaper row{.figure = fmt::format("{}", statement.figure),
                    .quantity = quantity_of(statement.group, statement.metric),
                    .paper = fmt::format("{}: {}", statement.who, statement.says),
                    .ours = ours(results, dialects, statement),
                    .frameworks = themselves(results, statement)};
    if (!row.ours.empty() || !row.frameworks.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weft::mnist
