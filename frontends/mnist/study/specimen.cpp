#include "weft/frontends/mnist/study/specimen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/frontends/metrics.h"

namespace weft::mnist {
namespace {

constexpr std::size_t kGridColumns = 10;
constexpr std::size_t kGridRows = 6;
constexpr std::size_t kMostUnits = 60;

/// Square tiles of one side beside and below each other, with room above each for a line of text.
class TileGrid {
 public:
  TileGrid(std::size_t tiles, std::size_t side, std::size_t room)
      : side_(side), room_(room), columns_(std::min(tiles, kGridColumns)) {
    chart_.columns = columns_ * (side + 1) + 1;
    const std::size_t rows = (tiles + columns_ - 1) / columns_;
    chart_.values.assign(chart_.columns * (rows * (side + 1 + room) + 1), 0.0);
  }

  void set(std::size_t tile, std::size_t pixel, double value) {
    const auto [left, top] = corner(tile);
    chart_.values[(top + pixel / side_) * chart_.columns + left + pixel % side_] = value;
  }
  void write(std::size_t tile, const std::string& text) {
    const auto [left, top] = corner(tile);
    chart_.texts.push_back({.column = static_cast<double>(left) + static_cast<double>(side_) / 2.0,
                            .row = static_cast<double>(top) - static_cast<double>(room_) / 2.0,
                            .text = text});
  }
  double aspect() const {
    const auto columns = static_cast<double>(chart_.columns);
    const double rows = static_cast<double>(chart_.values.size()) / columns;
    return std::clamp(rows / columns + 0.12, 0.25, 1.4);
  }
  ImageChart& chart() { return chart_; }

 private:
  std::pair<std::size_t, std::size_t> corner(std::size_t tile) const {
    return {tile % columns_ * (side_ + 1) + 1, tile / columns_ * (side_ + 1 + room_) + 1 + room_};
  }

  std::size_t side_;
  std::size_t room_;
  std::size_t columns_;
  ImageChart chart_;
};

Figure confusion_figure(const Tensor& predicted, const Tensor& labels, const std::string& who) {
  const Tensor confusion = confusion_matrix(predicted, labels, data::kDigitClasses);
  const auto counts = confusion.values<std::int64_t>();
  constexpr auto kClasses = static_cast<std::size_t>(data::kDigitClasses);
  ImageChart chart{.title = "Confusion matrix, " + who,
                   .x_label = "read as",
                   .y_label = "digit",
                   .columns = kClasses,
                   .values = {},
                   .texts = {},
                   .ticks = {}};
  for (std::size_t i = 0; i < kClasses; ++i) chart.ticks.push_back(std::to_string(i));
  for (const std::int64_t count : counts) {
    // Shades by the root, so that the few that are wrong are seen beside the many that are right.
    chart.values.push_back(std::sqrt(static_cast<double>(count)));
  }
  const double most = *std::ranges::max_element(chart.values);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const std::size_t row = i / kClasses;
    chart.texts.push_back({.column = static_cast<double>(i % kClasses),
                           .row = static_cast<double>(row),
                           .text = std::to_string(counts[i]),
                           .light = chart.values[i] > 0.55 * most});
  }
  return {.name = "confusion",
          .caption = chart.title,
          .script = script_of(chart),
          .aspect = 0.95,
          .picture = true};
}

std::size_t side_of(std::int64_t pixels) {
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(pixels))));
  return side * side == pixels ? static_cast<std::size_t>(side) : 0;
}

std::vector<std::size_t> misread(const Tensor& predicted, const Tensor& labels) {
  const auto read = predicted.values<std::int64_t>();
  const auto digits = labels.values<std::uint8_t>();
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (read[i] != digits[i]) wrong.push_back(i);
  }
  return wrong;
}

Figure misread_figure(const Tensor& predicted, const data::Dataset& test, std::size_t side,
                      const std::string& who) {
  constexpr double kWhite = 255.0;
  constexpr std::size_t kRoom = 11;
  const auto wrong = misread(predicted, test.labels);
  const std::size_t shown = std::min(wrong.size(), kGridColumns * kGridRows);
  TileGrid grid(std::max<std::size_t>(shown, 1), side, kRoom);
  const auto pixels = test.images.values<std::uint8_t>();
  for (std::size_t tile = 0; tile < shown; ++tile) {
    const std::size_t image = wrong[tile];
    for (std::size_t i = 0; i < side * side; ++i) grid.set(tile, i, pixels[image * side * side + i] / kWhite);
    grid.write(tile, fmt::format("{}\u2192{}", test.labels.values<std::uint8_t>()[image],
                                 predicted.values<std::int64_t>()[image]));
  }
  grid.chart().title = fmt::format("Misread digits, {}", who);
  return {.name = "misread",
          .caption = fmt::format("The first {} of {} misread digits, {}: digit \u2192 what it was read as",
                                 shown, wrong.size(), who),
          .script = script_of(grid.chart()),
          .aspect = grid.aspect(),
          .picture = true};
}

Figure weights_figure(const Tensor& weights, std::size_t side, const std::string& who) {
  const auto units = static_cast<std::size_t>(weights.sizes()[1]);
  const std::size_t shown = std::min(units, kMostUnits);
  TileGrid grid(shown, side, 0);
  const auto values = weights.values<float>();
  for (std::size_t unit = 0; unit < shown; ++unit) {
    for (std::size_t pixel = 0; pixel < side * side; ++pixel) {
      grid.set(unit, pixel, static_cast<double>(values[pixel * units + unit]));
    }
  }
  grid.chart().title = fmt::format("First-layer weights, {}", who);
  grid.chart().shades = ImageChart::Shades::signs;
  return {.name = "weights",
          .caption = fmt::format("First-layer weights of {} of {} units, {}: blue below 0, red above", shown,
                                 units, who),
          .script = script_of(grid.chart()),
          .aspect = grid.aspect(),
          .picture = true};
}

}  // namespace

std::vector<Figure> specimen_figures(const Dialect& dialect, const Configuration& configuration,
                                     const StudyData& data, const RunOptions& options) {
  Trainer trainer(dialect, configuration, data, options);
  if (trainer.train().interrupted) return {};
  const std::string who = fmt::format("{} {}", dialect.title, configuration.name);
  const Tensor predicted = trainer.predict_test();
  std::vector<Figure> figures{confusion_figure(predicted, data.test.labels, who)};
  const std::size_t side = side_of(data.test.images.sizes()[1]);
  if (side == 0) return figures;
  figures.push_back(misread_figure(predicted, data.test, side, who));
  figures.push_back(weights_figure(trainer.session().value(trainer.mlp().parameters()[0]), side, who));
  return figures;
}

}  // namespace weft::mnist
