#pragma once
// The thirteen networks of the paper: one table, which the study, the benchmarks and the peers share.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mnist {

/// What the paper varies: the number of hidden layers with 100 units, or the width of one hidden layer.
enum class Series { depth, width };

struct Configuration {
  std::string name;  // "784-4x100-10 tanh"
  Series series = Series::depth;
  std::vector<std::int64_t> layers;  // hidden widths
  std::string activation;            // of the hidden layers, as MlpConfig names it
};

/// In the paper's order: 1 to 4 layers of 100 with tanh, the same with relu, then one layer of 64, 128, 256,
/// 512 and 1024 with relu.
std::span<const Configuration> paper_configurations();

/// Throws Error(invalid_argument), which lists all configurations, if none has that name.
const Configuration& configuration_named(std::string_view name);

}  // namespace weft::mnist
