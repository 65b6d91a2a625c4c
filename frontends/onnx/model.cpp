#include "weft/frontends/onnx/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weft/graph/error.h"

namespace weft::onnx {
namespace {

constexpr std::optional<DType> kNone{};

constexpr std::array kDataTypes{
    DataTypeEntry{DataType::undefined, "undefined", 0, TypedField::none, kNone},
    DataTypeEntry{DataType::f32, "f32", 4, TypedField::float_data, DType::f32},
    DataTypeEntry{DataType::u8, "u8", 1, TypedField::int32_data, DType::u8},
    DataTypeEntry{DataType::i8, "i8", 1, TypedField::int32_data, DType::i8},
    DataTypeEntry{DataType::u16, "u16", 2, TypedField::int32_data, DType::u16},
    DataTypeEntry{DataType::i16, "i16", 2, TypedField::int32_data, DType::i16},
    DataTypeEntry{DataType::i32, "i32", 4, TypedField::int32_data, DType::i32},
    DataTypeEntry{DataType::i64, "i64", 8, TypedField::int64_data, DType::i64},
    DataTypeEntry{DataType::string, "string", 0, TypedField::none, kNone},
    DataTypeEntry{DataType::boolean, "bool", 1, TypedField::int32_data, DType::boolean},
    DataTypeEntry{DataType::f16, "f16", 2, TypedField::int32_data, DType::f16},
    DataTypeEntry{DataType::f64, "f64", 8, TypedField::double_data, DType::f64},
    DataTypeEntry{DataType::u32, "u32", 4, TypedField::uint64_data, DType::u32},
    DataTypeEntry{DataType::u64, "u64", 8, TypedField::uint64_data, DType::u64},
    DataTypeEntry{DataType::complex64, "complex64", 8, TypedField::float_data, kNone},
    DataTypeEntry{DataType::complex128, "complex128", 16, TypedField::double_data, kNone},
    DataTypeEntry{DataType::bf16, "bf16", 2, TypedField::int32_data, DType::bf16}};

}  // namespace

const DataTypeEntry* data_type_entry(DataType type) {
  const auto* const found = std::ranges::find(kDataTypes, type, &DataTypeEntry::type);
  return found == kDataTypes.end() ? nullptr : found;
}

std::string name_of(DataType type) {
  const DataTypeEntry* const entry = data_type_entry(type);
  if (entry != nullptr) return std::string(entry->name);
  return fmt::format("type {}", static_cast<std::int32_t>(type));
}

DType dtype_of(DataType type) {
  const DataTypeEntry* const entry = data_type_entry(type);
  if (entry != nullptr && entry->dtype) return *entry->dtype;
  throw Error(ErrorCode::unsupported, fmt::format("weft has no dtype for ONNX's {}", name_of(type)));
}

DataType data_type_of(DType dtype) {
  for (const DataTypeEntry& entry : kDataTypes) {
    if (entry.dtype == dtype) return entry.type;
  }
  throw Error(ErrorCode::unsupported, fmt::format("ONNX's table has no {}", weft::name_of(dtype)));
}

}  // namespace weft::onnx
