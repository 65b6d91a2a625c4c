#include "weft/frontends/mnist/study/specimen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/frontends/metrics.h"
#include "weft/frontends/mnist/study/tile_grid.h"
#include "weft/frontends/mnist/study/wording.h"

namespace weft::mnist {
namespace {

constexpr std::size_t kMostMisread = 60;
constexpr std::size_t kMostUnits = 60;

Figure confusion_figure(const Tensor& predicted, const Tensor& labels, const std::string& who) {
  const Tensor confusion = confusion_matrix(predicted, labels, data::kDigitClasses);
  const auto counts = confusion.values<std::int64_t>();
  constexpr auto kClasses = static_cast<std::size_t>(data::kDigitClasses);
  report::ImageChart chart{.title = "Confusion matrix, " + who,
                           .x_label = "read as",
                           .y_label = "digit",
                           .columns = kClasses,
                           .values = {},
                           .texts = {},
                           .ticks = {}};
  for (std::size_t i = 0; i < kClasses; ++i) chart.ticks.push_back(std::to_string(i));
  for (const std::int64_t count : counts) {
    // Shades show the root of the count, so that the few wrong digits are visible beside the many right ones.
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
          .script = report::script_of(chart),
          .aspect = 0.95,
          .picture = true};
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
  const std::size_t shown = std::min(wrong.size(), kMostMisread);
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
          .script = report::script_of(grid.chart()),
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
  grid.chart().shades = report::ImageChart::Shades::signs;
  return {.name = "weights",
          .caption = fmt::format("First-layer weights of {} of {} units, {}: blue below 0, red above", shown,
                                 units, who),
          .script = report::script_of(grid.chart()),
          .aspect = grid.aspect(),
          .picture = true};
}

}  // namespace

std::vector<Figure> specimen_figures(const Dialect& dialect, const Configuration& configuration,
                                     const StudyData& data, const RunOptions& options) {
  Trainer trainer(dialect, configuration, data, options);
  if (trainer.train().interrupted) return {};
  const std::string who = fmt::format("{}, {}", recipe_on_weft(dialect), configuration.name);
  const Tensor predicted = trainer.predict_test();
  std::vector<Figure> figures{confusion_figure(predicted, data.test.labels, who)};
  const std::size_t side = side_of(data.test.images.sizes()[1]);
  if (side == 0) return figures;
  figures.push_back(misread_figure(predicted, data.test, side, who));
  figures.push_back(weights_figure(trainer.session().value(trainer.mlp().parameters()[0]), side, who));
  return figures;
}

}  // namespace weft::mnist
