// PanelFunctions for sse2; CMake gives this file the compiler flags that it needs.
#define WEFT_PANEL_BYTES 16
#define WEFT_PANEL_ROWS 4
#define WEFT_PANEL_VECTORS 2
#define WEFT_PANEL_NAME "sse2"
#define WEFT_PANEL_TABLE kSse2Panels
#define WEFT_PANEL_DOUBLE_TABLE kSse2DoublePanels
#include "weft/runtime/kernels/products/panels/panel_loops.inl"  // NOLINT(bugprone-suspicious-include)
