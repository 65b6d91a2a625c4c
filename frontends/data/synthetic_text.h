#pragma once
// Documents as bags of words that weft draws itself: a sparse matrix like that of a text, for machines
// without one. The frequency of words follows Zipf's law, so that few columns hold most entries; some words
// are more frequent in one of two classes.

#include <cstdint>

#include "weft/frontends/data/sparse_dataset.h"

namespace weft::data {

struct TextOptions {
  std::int64_t width = 20'000;  // the number of words
  std::int64_t words = 100;     // different words in each document
};

/// `count` documents: rows f32 [count, width] of unit length, rare words weighing more, and labels u8
/// [count], 0 or 1. Document i depends only on (seed, stream, i) and the options, and the words' classes on
/// the seed. Throws Error(invalid_argument) for a negative count, or unless 0 < words <= width / 2 and width
/// fits an i32.
SparseDataset synthetic_text(std::int64_t count, std::uint64_t seed, std::uint64_t stream,
                             const TextOptions& options = {});

}  // namespace weft::data
