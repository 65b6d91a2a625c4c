#include "weft/runtime/sparse/cost.h"

#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {
namespace {

// Lines through the costs at widths 16 and 256, measured on a Zen 5 with oneDNN 2.6.3, whose dense product
// was limited to the same instructions: weft_microbench --benchmark_filter='^(dense|multiply|gradient)/', see
// bench/micro/products.cpp.
constexpr ProductCosts kSse2{
    .dense = {.fixed = 0.05, .each = 0.041},
    .multiply = {.fixed = 0.02, .each = 0.054},
    .gradient = {.fixed = 1.2, .each = 0.051},
};
constexpr ProductCosts kAvx2{
    .dense = {.fixed = 0.0, .each = 0.0165},
    .multiply = {.fixed = 0.5, .each = 0.026},
    .gradient = {.fixed = 1.3, .each = 0.0255},
};
constexpr ProductCosts kAvx512{
    .dense = {.fixed = 0.03, .each = 0.008},
    .multiply = {.fixed = 0.5, .each = 0.018},
    .gradient = {.fixed = 1.4, .each = 0.016},
};

}  // namespace

const ProductCosts& product_costs() {
  const SparseFunctions& functions = sparse_functions();
  if (&functions == &kAvx512SparseFunctions) return kAvx512;
  if (&functions == &kAvx2SparseFunctions) return kAvx2;
  return kSse2;
}

double densest_to_skip(std::int64_t n) {
  return product_costs().dense.at(n) / product_costs().multiply.at(n);
}

}  // namespace weft
