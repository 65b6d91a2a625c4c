#include "weft/runtime/sparse/cost.h"

#include "weft/runtime/kernels/vector/sparse_functions.h"

namespace weft {
namespace {

// Lines through the widths 16 and 256, measured on a Zen 4 with oneDNN 2.6.3, its dense product held to the
// same instructions: weft_microbench --benchmark_filter='^(dense|multiply|gradient)/', see
// bench/micro/products.cpp. At a width of 100 they choose as a Zen 5 measures, within a tenth.
constexpr ProductCosts kSse2{
    .dense = {.fixed = 0.0, .each = 0.065},
    .multiply = {.fixed = 0.04, .each = 0.087},
    .gradient = {.fixed = 1.5, .each = 0.098},
};
constexpr ProductCosts kAvx2{
    .dense = {.fixed = 0.0, .each = 0.025},
    .multiply = {.fixed = 0.35, .each = 0.047},
    .gradient = {.fixed = 2.25, .each = 0.062},
};
constexpr ProductCosts kAvx512{
    .dense = {.fixed = 0.1, .each = 0.018},
    .multiply = {.fixed = 1.0, .each = 0.039},
    .gradient = {.fixed = 1.8, .each = 0.049},
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
