#include "weft/frontends/event_file.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft {
namespace {

constexpr std::uint32_t kCastagnoli = 0x82f63b78U;  // reflected
constexpr std::uint32_t kMaskDelta = 0xa282ead8U;

[[noreturn]] void throw_unwritable(const std::filesystem::path& path) {
  throw Error(ErrorCode::io, fmt::format("cannot write '{}'", printable(path.string())));
}

/// Bytes of Protocol Buffers' wire format.
void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80U; number >>= 7U) out.push_back(static_cast<char>((number & 0x7fU) | 0x80U));
  out.push_back(static_cast<char>(number));
}

template <typename Bits>
void put_fixed(std::string& out, Bits bits) {
  for (std::size_t i = 0; i < sizeof(Bits); ++i) out.push_back(static_cast<char>((bits >> (8 * i)) & 0xffU));
}

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void put_key(std::string& out, std::uint32_t field, Wire wire) {
  put_varint(out, (field << 3U) | static_cast<std::uint32_t>(wire));
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_key(out, field, Wire::bytes);
  put_varint(out, bytes.size());
  out.append(bytes);
}

/// tensorflow.Event's wall_time = 1.
std::string event_at(double seconds) {
  std::string event;
  put_key(event, 1, Wire::fixed64);
  put_fixed(event, std::bit_cast<std::uint64_t>(seconds));
  return event;
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0U ? kCastagnoli : 0U);
  }
  crc = ~crc;
  return std::rotr(crc, 15) + kMaskDelta;
}

EventFile::EventFile(const std::filesystem::path& folder, double seconds) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  path_ = folder / fmt::format("events.out.tfevents.{:010}.weft", std::llround(seconds));
  if (error || std::filesystem::exists(path_)) throw_unwritable(path_);
  file_.open(path_, std::ios::binary | std::ios::app);
  std::string event = event_at(seconds);
  put_bytes(event, 3, "brain.Event:2");  // file_version
  append(event);
}

void EventFile::write(std::string_view tag, std::int64_t step, double value, double seconds) {
  std::string number;  // Summary.Value: tag = 1, simple_value = 2
  put_bytes(number, 1, printable(tag));
  put_key(number, 2, Wire::fixed32);
  put_fixed(number, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  std::string summary;
  put_bytes(summary, 1, number);
  std::string event = event_at(seconds);
  put_key(event, 2, Wire::varint);
  put_varint(event, static_cast<std::uint64_t>(step));
  put_bytes(event, 5, summary);
  append(event);
}

void EventFile::append(const std::string& event) {
  std::string record;
  put_fixed(record, static_cast<std::uint64_t>(event.size()));
  put_fixed(record, masked_crc32c(record));
  record.append(event);
  put_fixed(record, masked_crc32c(event));
  file_.write(record.data(), static_cast<std::streamsize>(record.size()));
  if (!file_.flush()) throw_unwritable(path_);
}

}  // namespace weft
