#pragma once
// The element types of safetensors files, some of which are no DType, and how their numbers
// become those of a DType. Pure functions; any thread may call them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "weft/graph/dtype.h"

namespace weft {

enum class StoredKind : std::uint8_t {
  boolean,
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
  f8_e4m3,
  f8_e5m2,
  f16,
  bf16,
  f32,
  f64,
  other
};

struct StoredDType {
  std::string_view name;       // as in the header: "BF16"
  StoredKind kind;             // `other`: numbers that cannot be read
  std::size_t bits;            // of an element
  DType natural = DType::f32;  // the smallest DType that holds all its numbers
};

/// Null for a name that is not one of the format's.
const StoredDType* stored_dtype_named(std::string_view name);
/// How a tensor of `dtype` is stored.
const StoredDType& stored_dtype_of(DType dtype);

/// The first number that cannot be converted, as text, and where it stands.
struct ConversionProblem {
  std::size_t element = 0;
  double value = 0.0;
};

/// Writes the numbers of `from` to `to`, as `dtype`. Throws Error(internal) unless both hold equally many.
/// Conversions to floats round to nearest, and a finite number must stay finite; conversions to integers and
/// bool must be exact. Returns the first number that does not fit, if there is one.
std::optional<ConversionProblem> convert_numbers(const StoredDType& stored, std::span<const std::byte> from,
                                                 DType dtype, std::span<std::byte> to);

}  // namespace weft
