#pragma once
// Where the non-zeros of a matrix lie. Loops that are compiled for each instruction set read it, so there are
// no functions here.

#include <cstdint>

namespace weft {

/// The non-zeros of a matrix, row by row: those of row r are [begins[r], ends[r]), their columns ascending.
/// The columns are not checked here.
struct StoredRows {
  const std::int64_t* begins = nullptr;
  const std::int64_t* ends = nullptr;
  const void* columns = nullptr;  // i32 if `wide_columns`, else u16
  const void* values = nullptr;   // u8 if `byte_values`, else f32
  bool wide_columns = false;
  bool byte_values = false;
};

}  // namespace weft
