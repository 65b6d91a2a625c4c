#pragma once
// Protocol Buffers' bytes, made by hand for tests of the reader.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/model.h"

namespace weft::testing_support {

using WireBytes = std::vector<unsigned char>;

inline WireBytes operator+(WireBytes a, const WireBytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline WireBytes varint(std::uint64_t number) {
  WireBytes bytes;
  for (; number >= 0x80U; number >>= 7U) bytes.push_back(static_cast<unsigned char>(number | 0x80U));
  bytes.push_back(static_cast<unsigned char>(number));
  return bytes;
}

/// A field that holds a number, or bytes with their length.
inline WireBytes number_field(std::uint32_t field, std::uint64_t number) {
  return varint(field << 3U) + varint(number);
}
inline WireBytes bytes_field(std::uint32_t field, const WireBytes& bytes) {
  return varint(field << 3U | 2U) + varint(bytes.size()) + bytes;
}
inline WireBytes text_field(std::uint32_t field, std::string_view text) {
  return bytes_field(field, WireBytes(text.begin(), text.end()));
}

inline onnx::SharedBytes shared(const WireBytes& bytes) {
  auto owner = std::make_shared<WireBytes>(bytes);
  const std::span<const std::byte> all = std::as_bytes(std::span<const unsigned char>(*owner));
  return {all, std::move(owner)};
}

}  // namespace weft::testing_support
