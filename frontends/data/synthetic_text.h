#pragma once
// Documents as bags of words that weft draws itself: a sparse matrix of text's kind for machines without one.
// Words are as frequent as Zipf's law has them, so that few columns hold most entries; some words lean
// towards one of two classes.

#include <cstdint>

#include "weft/frontends/data/sparse_dataset.h"

namespace weft::data {

struct TextOptions {
  std::int64_t width = 20'000;  // words there are
  std::int64_t words = 100;     // different ones in each document
};

/// `count` documents: rows f32 [count, width] of unit length, rare words weighing more, and labels u8
/// [count], 0 or 1. Document i depends on (seed, stream, i) and the options alone; what the words mean on the
/// seed. Throws Error(invalid_argument) for a negative count, or unless 0 < words <= width / 2 and width fits
/// an i32.
SparseDataset synthetic_text(std::int64_t count, std::uint64_t seed, std::uint64_t stream,
                             const TextOptions& options = {});

}  // namespace weft::data
