#pragma once
// A dialect: how one framework trains, as data. It is a small TOML file, so that users can add one without
// C++. dialects/README.md describes the keys.

#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/mnist/training_config.h"

namespace weft::mnist {

/// How pixels reach the network: divided by a number, or with mean 0 and deviation 1 over the training set.
struct InputConfig {
  bool standardize = false;
  double divide_by = 255.0;

  bool operator==(const InputConfig&) const = default;
};

struct InitializerConfig {
  std::string weights = "glorot_uniform";  // see nn::named_initializers
  std::string biases = "zeros";
  std::optional<double> deviation{};  // of "normal" and "truncated_normal"

  bool operator==(const InitializerConfig&) const = default;
};

struct Dialect {
  std::string name;   // the file's, without ".toml"
  std::string title;  // as figures call it
  InitializerConfig initializer;
  InputConfig input;
  std::int64_t batch = 64;
  double dropout = 0.0;
  std::string loss = "cross_entropy";
  double label_smoothing = 0.0;
  OptimizerConfig optimizer;
};

/// Reads a dialect. Throws Error(io) for a file that cannot be read, and Error(bad_file) with file and line
/// for text that is not TOML, an unknown or missing key, and an impossible value.
Dialect read_dialect(const std::filesystem::path& file);

/// Reads all *.toml files of a folder in the order of their names. Throws Error(io) if there is none.
std::vector<Dialect> read_dialects(const std::filesystem::path& folder);

/// The training that a dialect asks for. If it standardizes its input, the pixels must be scaled by
/// study_data.h's pixel_scale.
TrainingConfig training_of(const Dialect& dialect);

/// Everything that affects the numbers, as one line, which is equal for dialects that train alike.
std::string recipe_of(const Dialect& dialect);

/// The optimizer in words: "adam 0.001", "momentum 0.01, momentum 0.9, inverse".
std::string describe(const OptimizerConfig& optimizer);
std::string describe(const InitializerConfig& initializer);
std::string describe(const InputConfig& input);

}  // namespace weft::mnist
