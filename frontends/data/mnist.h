#pragma once
// The digits that the studies train on: MNIST if the machine has it, otherwise digits that weft draws itself,
// so that everything runs without a download. Files are checked completely before they are used. The
// functions keep no state; they read the environment, which no thread may change at the same time.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "weft/frontends/data/dataset.h"

namespace weft::data {

/// How many digits load_digits draws without MNIST: as many as MNIST has.
inline constexpr std::int64_t kSyntheticTrain = 60'000;
inline constexpr std::int64_t kSyntheticTest = 10'000;

struct Digits {
  Dataset train;
  Dataset test;
  bool synthetic = false;
  std::string source;  // one sentence for people: "MNIST from ../shared/data/mnist"
};

/// The folder that holds MNIST: `explicit_dir`, or $WEFT_MNIST, or ~/.cache/weft/mnist, in this order;
/// nothing if the first two are not given and the third does not exist. A folder is complete when it has
/// {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, each plain or with ".gz"; the first
/// folder of the three that is given but not complete throws Error(io) with the name of the missing file.
std::optional<std::filesystem::path> find_mnist(const std::optional<std::filesystem::path>& explicit_dir);

/// The four files of one folder. Images [n, height, width] come back as [n, height * width]; train and test
/// agree in height and width. Throws what read_idx throws; Error(bad_file) for tensors of another dtype, rank
/// or size, or counts that differ; Error(out_of_range) for a label above 9, with its index.
Digits read_mnist(const std::filesystem::path& directory);

/// MNIST from the folder of find_mnist, or else synthetic_digits of `seed` (train is stream 0, test stream
/// 1).
Digits load_digits(const std::optional<std::filesystem::path>& explicit_dir, std::uint64_t seed);

}  // namespace weft::data
