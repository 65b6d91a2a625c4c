#include "weft/frontends/mnist/configurations.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "weft/frontends/config/choices.h"

namespace weft::mnist {
namespace {

constexpr std::int64_t kDepthWidth = 100;
constexpr std::size_t kMostLayers = 4;
constexpr std::array<std::int64_t, 5> kWidths{64, 128, 256, 512, 1024};

/// `depth` hidden layers of `width` units between MNIST's pixels and classes.
Configuration configuration(Series series, std::size_t depth, std::int64_t width, std::string activation) {
  const std::string repeats = depth == 1 ? "" : fmt::format("{}x", depth);
  return {.name = fmt::format("784-{}{}-10 {}", repeats, width, activation),
          .series = series,
          .layers = std::vector<std::int64_t>(depth, width),
          .activation = std::move(activation)};
}

std::vector<Configuration> make_configurations() {
  std::vector<Configuration> all;
  for (const char* activation : {"tanh", "relu"}) {
    for (std::size_t depth = 1; depth <= kMostLayers; ++depth) {
      all.push_back(configuration(Series::depth, depth, kDepthWidth, activation));
    }
  }
  for (const std::int64_t width : kWidths) all.push_back(configuration(Series::width, 1, width, "relu"));
  return all;
}

}  // namespace

std::span<const Configuration> paper_configurations() {
  static const std::vector<Configuration> all = make_configurations();
  return all;
}

const Configuration& configuration_named(std::string_view name) {
  return choice_named("configuration", name, paper_configurations());
}

}  // namespace weft::mnist
