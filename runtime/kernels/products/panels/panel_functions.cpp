#include "weft/runtime/kernels/products/panels/panel_functions.h"

#include <array>

namespace weft {
namespace {

template <typename T>
struct PanelTables;
template <>
struct PanelTables<float> {
  static constexpr std::array kAll{&kAvx512Panels, &kAvx2Panels, &kSse2Panels};
};
template <>
struct PanelTables<double> {
  static constexpr std::array kAll{&kAvx512DoublePanels, &kAvx2DoublePanels, &kSse2DoublePanels};
};

/// How many of the three, which are in the order of PanelTables, this CPU lacks.
std::size_t unusable_panels() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 2;
}

}  // namespace

template <typename T>
std::span<const PanelFunctions<T>* const> usable_panel_functions() {
  return std::span(PanelTables<T>::kAll).subspan(unusable_panels());
}
template std::span<const PanelFunctions<float>* const> usable_panel_functions();
template std::span<const PanelFunctions<double>* const> usable_panel_functions();

template <typename T>
const PanelFunctions<T>& panel_functions() {
  static const PanelFunctions<T>& best = *usable_panel_functions<T>().front();
  return best;
}
template const PanelFunctions<float>& panel_functions();
template const PanelFunctions<double>& panel_functions();

}  // namespace weft
