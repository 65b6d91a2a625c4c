#pragma once
// The stage that skips zeros: products whose left side is resident data, and weight gradients that multiply
// by its transpose, become products over its non-zeros where that is expected to be faster. What is left of
// the program does without the dense copy if nothing else needs it. Products with bytes that are known in the
// run only look for zeros there.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/program.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

enum class SkipZeros : std::uint8_t {
  never,
  automatic,  // where the expected costs say so, see cost.h
  always,     // wherever it is possible
};

/// What was decided about one product, and why.
struct ProductChoice {
  std::string product;  // "matmul f32[64, 784] x f32[784, 100], mlp.cpp:81"
  bool skips_zeros = false;
  std::string why;
};

/// Decides about every product and replaces those that skip zeros. Shifts of the data become a product of
/// rank one beside the others. Densities and stores are taken from `stores` or added to it. Returns nothing
/// where no product is to be replaced.
std::optional<Program> skip_zeros(const Program& program, SkipZeros mode, RowStores& stores,
                                  std::vector<ProductChoice>& choices);

/// A line for each choice.
std::string to_text(std::span<const ProductChoice> choices);

}  // namespace weft
