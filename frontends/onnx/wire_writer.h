#pragma once
// Writing Protocol Buffers' wire format, the counterpart of wire.h. Fields come in the order of the calls, so
// that the same calls give the same bytes. One thread at a time.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace weft::onnx {

class WireWriter {
 public:
  /// A field of each form. Numbers are written whatever they are: whether a default is left out is the
  /// caller's choice.
  void integer(std::uint32_t field, std::int64_t number);
  void f32(std::uint32_t field, float number);
  void bytes(std::uint32_t field, std::span<const std::byte> content);
  void text(std::uint32_t field, std::string_view content);

  /// A message within this one: what `write(*this)` writes.
  template <typename Write>
  void message(std::uint32_t field, const Write& write) {
    tag(field, kLength);
    const std::size_t begin = bytes_.size();
    write(*this);
    close(begin);
  }

  /// The elements of a repeated field in one block; nothing for none.
  template <typename T>
  void integers(std::uint32_t field, std::span<const T> numbers) {
    if (numbers.empty()) return;
    message(field, [&](WireWriter& out) {
      for (const T number : numbers) out.varint(static_cast<std::uint64_t>(number));
    });
  }
  /// The same for f32 and f64, whose bytes are little-endian as those of the machine.
  template <typename T>
  void floats(std::uint32_t field, std::span<const T> numbers) {
    static_assert(std::endian::native == std::endian::little);
    if (!numbers.empty()) bytes(field, std::as_bytes(numbers));
  }

  const std::string& written() const noexcept { return bytes_; }
  std::string take() && noexcept { return std::move(bytes_); }

 private:
  static constexpr std::uint32_t kVarint = 0;
  static constexpr std::uint32_t kLength = 2;
  static constexpr std::uint32_t kFourBytes = 5;

  void tag(std::uint32_t field, std::uint32_t form);
  void varint(std::uint64_t number);
  /// Puts the length of what came after `begin` before it.
  void close(std::size_t begin);

  std::string bytes_;
};

}  // namespace weft::onnx
