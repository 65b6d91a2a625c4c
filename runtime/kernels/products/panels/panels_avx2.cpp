// PanelFunctions for avx2; CMake gives this file the compiler flags that it needs.
#define WEFT_PANEL_BYTES 32
#define WEFT_PANEL_ROWS 6
#define WEFT_PANEL_VECTORS 2
#define WEFT_PANEL_NAME "avx2"
#define WEFT_PANEL_TABLE kAvx2Panels
#define WEFT_PANEL_DOUBLE_TABLE kAvx2DoublePanels
#include "weft/runtime/kernels/products/panels/panel_loops.inl"  // NOLINT(bugprone-suspicious-include)
