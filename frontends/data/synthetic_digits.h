#pragma once
// Handwritten-looking digits that weft draws itself, for machines without MNIST: 28x28 pictures with MNIST's
// layout (the ink fits a 20x20 box and is centred by mass) and about its share of empty pixels. They are not
// MNIST and their error rates are not MNIST's.

#include <cstdint>

#include "weft/frontends/data/dataset.h"

namespace weft::data {

/// `count` digits: images u8 [count, 784], labels u8 [count]. Sample i depends only on (seed, stream, i), not
/// on `count` or on how many threads share the work (as many as the machine has). Every ten samples from a
/// multiple of ten on hold each digit once, in random order. Throws Error(invalid_argument) for a negative
/// count, std::bad_alloc when memory is short.
Dataset synthetic_digits(std::int64_t count, std::uint64_t seed, std::uint64_t stream);

}  // namespace weft::data
