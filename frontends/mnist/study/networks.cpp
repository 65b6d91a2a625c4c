#include "weft/frontends/mnist/study/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weft/frontends/mnist/study/paper.h"
#include "weft/frontends/mnist/study/tile_grid.h"

namespace weft::mnist {
namespace {

constexpr std::size_t kDigits = 10;
constexpr std::size_t kRows = 4;  // of each digit
constexpr std::size_t kInputsDrawn = 7;
constexpr std::size_t kOutputsDrawn = 4;
constexpr std::size_t kUnitsDrawn = 5;  // of 100
constexpr double kLayerGap = 1.0;
constexpr double kNetworkGap = 1.3;
constexpr double kHeight = 8.0;  // of the tallest layer

/// The images that the figure shows: the first kRows of each class, digit after digit within a row.
std::vector<std::size_t> first_of_each(const data::Dataset& digits) {
  std::array<std::vector<std::size_t>, kDigits> of;
  const auto labels = digits.labels.values<std::uint8_t>();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < kDigits && of[labels[i]].size() < kRows) of[labels[i]].push_back(i);
  }
  std::vector<std::size_t> images;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (const auto& digit : of) images.push_back(row < digit.size() ? digit[row] : labels.size());
  }
  return images;
}

/// How many units are drawn for a layer.
std::size_t drawn_units(const Configuration& network, std::size_t layer) {
  constexpr std::size_t kMost = 9;
  if (network.series == Series::depth) return kUnitsDrawn;
  std::size_t units = 3;
  for (std::int64_t width = 64; width < network.layers[layer] && units < kMost; width *= 2) ++units;
  return units;
}

/// Draws layers of circles from left to right, each joined to all of the next.
class Drawing {
 public:
  explicit Drawing(std::string title) { diagram_.title = std::move(title); }

  void add(const Configuration& network) {
    std::vector<std::pair<std::size_t, std::string>> layers{{kInputsDrawn, "784"}};
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
      layers.emplace_back(drawn_units(network, i), fmt::format("{}", network.layers[i]));
    }
    layers.emplace_back(kOutputsDrawn, "10");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const bool hidden = i > 0 && i + 1 < layers.size();
      layer(layers[i].first, layers[i].second, hidden ? 0U : 1U, i > 0);
    }
    x_ += kNetworkGap - kLayerGap;
    before_.clear();
  }
  const report::Diagram& diagram() const { return diagram_; }

 private:
  void layer(std::size_t units, const std::string& label, std::size_t style, bool joined) {
    std::vector<double> places;
    for (std::size_t i = 0; i < units; ++i) {
      const double middle = (static_cast<double>(units) - 1.0) / 2.0;
      places.push_back(middle - static_cast<double>(i));
      diagram_.circles.push_back({.x = x_, .y = places.back(), .style = style});
      if (!joined) continue;
      for (const double from : before_) {
        diagram_.lines.push_back(
            {.from_x = x_ - kLayerGap, .from_y = from, .to_x = x_, .to_y = places.back()});
      }
    }
    diagram_.texts.push_back({.x = x_, .y = -kHeight / 2.0 - 1.0, .text = label});
    before_ = places;
    x_ += kLayerGap;
  }

  report::Diagram diagram_;
  std::vector<double> before_;
  double x_ = 0.0;
};

Figure family(int number, const NetworkGroup& group, const char* what, const char* activations) {
  Drawing drawing(fmt::format("Networks of {}", what));
  for (const Configuration* network : networks_of(group)) drawing.add(*network);
  return {.name = fmt::format("figure-{:02}", number),
          .caption =
              fmt::format("Figure {} of the paper: the networks of {}, with {}. A circle stands for several "
                          "units; the numbers below say how many a layer has.",
                          number, what, activations),
          .script = report::script_of(drawing.diagram()),
          .aspect = 0.5};
}

}  // namespace

std::vector<Figure> digit_figures(const StudyData& data, bool synthetic) {
  constexpr double kWhite = 255.0;
  const std::size_t side = side_of(data.train.images.sizes()[1]);
  if (side == 0) return {};
  const auto images = first_of_each(data.train);
  TileGrid grid(images.size(), side, 0);
  const auto pixels = data.train.images.values<std::uint8_t>();
  for (std::size_t tile = 0; tile < images.size(); ++tile) {
    const std::size_t begin = images[tile] * side * side;
    for (std::size_t i = 0; i < side * side && begin + i < pixels.size(); ++i) {
      grid.set(tile, i, pixels[begin + i] / kWhite);
    }
  }
  grid.chart().title = synthetic ? "Digits drawn by weft" : "Digits of MNIST";
  return {{.name = "figure-01",
           .caption = synthetic ? "In place of figure 1 of the paper: synthetic digits, not MNIST"
                                : "Figure 1 of the paper: the first training images of each digit",
           .script = report::script_of(grid.chart()),
           .aspect = grid.aspect(),
           .picture = true}};
}

std::vector<Figure> network_figures() {
  return {family(2, {.series = Series::depth, .activation = "tanh"}, "one to four hidden layers of 100 units",
                 "tanh and with ReLU"),
          family(3, {.series = Series::width, .activation = "relu"}, "one hidden layer of 64 to 1024 units",
                 "ReLU")};
}

}  // namespace weft::mnist
