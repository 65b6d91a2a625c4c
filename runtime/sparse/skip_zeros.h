#pragma once
// The stage that skips zeros: products whose left side is resident data, and weight gradients that multiply
// by its transpose, become products over its non-zeros where that is expected to be faster. The dense copy
// disappears if nothing else needs it. Products with bytes that only a run knows look for zeros in the run.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/program.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

/// The terms that are skipped are 0 times a weight, so a weight that is not finite would go unseen. A product
/// looks through its weight for infinities and NaNs first, and gives NaN where the skipped terms would; where
/// the weight holds an infinity, it may give NaN for an infinity. Two kinds of products do not look, since a
/// training step would pay for it: a product with a parameter that the same run updates assumes that the
/// parameter is finite, and a weight's gradient assumes that the incoming gradient is finite. With a NaN
/// guard the first kind looks too.
enum class SkipZeros : std::uint8_t {
  never,
  automatic,  // where that is expected to be faster, see cost.h
  always,     // wherever it is possible
};

/// What was decided about one product, and why.
struct ProductChoice {
  std::string product;  // "matmul f32[64, 784] x f32[784, 100], mlp.cpp:81"
  bool skips_zeros = false;
  std::string why;
};

/// Decides about every product and replaces those that are to skip zeros. Shifts of the data become an
/// additional product of rank one. Densities and stores are taken from `stores` or added to it. With
/// `trusts_updated`, parameters that the program updates are assumed to be finite. Returns nothing where no
/// product is replaced.
std::optional<Program> skip_zeros(const Program& program, SkipZeros mode, bool trusts_updated,
                                  RowStores& stores, std::vector<ProductChoice>& choices);

/// A line for each choice.
std::string to_text(std::span<const ProductChoice> choices);

}  // namespace weft
