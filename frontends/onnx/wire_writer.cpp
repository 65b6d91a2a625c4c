#include "weft/frontends/onnx/wire_writer.h"

namespace weft::onnx {
namespace {

std::string varint_bytes(std::uint64_t number) {
  constexpr std::uint64_t kMore = 0x80;
  std::string made;
  for (; number >= kMore; number >>= 7U) made.push_back(static_cast<char>(number | kMore));
  made.push_back(static_cast<char>(number));
  return made;
}

}  // namespace

void WireWriter::varint(std::uint64_t number) { bytes_ += varint_bytes(number); }

void WireWriter::tag(std::uint32_t field, std::uint32_t form) { varint(field << 3U | form); }

void WireWriter::close(std::size_t begin) { bytes_.insert(begin, varint_bytes(bytes_.size() - begin)); }

void WireWriter::integer(std::uint32_t field, std::int64_t number) {
  tag(field, kVarint);
  varint(static_cast<std::uint64_t>(number));
}

void WireWriter::f32(std::uint32_t field, float number) {
  tag(field, kFourBytes);
  bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void WireWriter::bytes(std::uint32_t field, std::span<const std::byte> content) {
  text(field, {reinterpret_cast<const char*>(content.data()), content.size()});
}

void WireWriter::text(std::uint32_t field, std::string_view content) {
  tag(field, kLength);
  varint(content.size());
  bytes_ += content;
}

}  // namespace weft::onnx
