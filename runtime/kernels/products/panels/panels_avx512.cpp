// PanelFunctions for avx512; CMake gives this file the compiler flags that it needs.
#define WEFT_PANEL_BYTES 64
#define WEFT_PANEL_ROWS 8
#define WEFT_PANEL_VECTORS 3
#define WEFT_PANEL_NAME "avx512"
#define WEFT_PANEL_TABLE kAvx512Panels
#define WEFT_PANEL_DOUBLE_TABLE kAvx512DoublePanels
#include "weft/runtime/kernels/products/panels/panel_loops.inl"  // NOLINT(bugprone-suspicious-include)
