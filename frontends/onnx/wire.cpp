#include "weft/frontends/onnx/wire.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

static_assert(std::endian::native == std::endian::little, "Protocol Buffers store little-endian numbers");

namespace weft::onnx {
namespace {

constexpr int kMostVarintBytes = 10;

/// Whether the bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = std::to_integer<unsigned>(bytes[i]);
    const std::size_t more = first < 0x80 ? 0 : first < 0xC2 ? 4 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (first > 0xF4 || more == 4 || bytes.size() - i <= more) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((std::to_integer<unsigned>(bytes[i + k]) & 0xC0U) != 0x80U) return false;
    }
    const unsigned second = more > 0 ? std::to_integer<unsigned>(bytes[i + 1]) : 0x80;
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace

Message::Message(WireFile& file, std::string_view type) : Message(file, type, nullptr, file.bytes_) {}

Message::Message(WireFile& file, std::string_view type, const Message* parent,
                 std::span<const std::byte> bytes)
    : file_(&file),
      type_(type),
      parent_(parent),
      depth_(parent == nullptr ? 1 : parent->depth_ + 1),
      left_(bytes),
      at_(static_cast<std::size_t>(bytes.data() - file.bytes_.data())) {
  if (depth_ > file.limits_.depth) fail(fmt::format("messages nest deeper than {}", file.limits_.depth));
  if (file.messages_left_ == 0) fail(fmt::format("more than {} messages", file.limits_.messages));
  --file.messages_left_;
}

void Message::fail(std::string_view problem) const {
  std::string path(type_);
  for (const Message* outer = parent_; outer != nullptr; outer = outer->parent_) {
    path = fmt::format("{}.{}", outer->type_, path);
  }
  if (field_ != 0) path += fmt::format(", field {}", field_);
  throw Error(ErrorCode::bad_file,
              fmt::format("{}: {} at byte {}: {}", printable(file_->name_), path, at_, problem));
}

std::uint64_t Message::varint(std::span<const std::byte>& from) const {
  std::uint64_t number = 0;
  for (int i = 0; i < kMostVarintBytes; ++i) {
    if (from.empty()) fail("it ends within a number");
    const auto byte = std::to_integer<std::uint64_t>(from.front());
    from = from.subspan(1);
    // The tenth byte has room for one bit.
    if (i == kMostVarintBytes - 1 && byte > 1) break;
    number |= (byte & 0x7FU) << (7 * i);
    if (byte < 0x80U) return number;
  }
  fail("a number of more than 64 bits");
}

std::span<const std::byte> Message::take(std::uint64_t count) {
  if (count > left_.size()) fail(fmt::format("{} bytes are announced and {} are left", count, left_.size()));
  const auto taken = left_.first(static_cast<std::size_t>(count));
  left_ = left_.subspan(static_cast<std::size_t>(count));
  return taken;
}

bool Message::next() {
  if (left_.empty()) return false;
  field_ = 0;
  at_ = static_cast<std::size_t>(left_.data() - file_->bytes_.data());
  const std::uint64_t tag = varint(left_);
  if (tag > std::numeric_limits<std::uint32_t>::max() || tag >> 3U == 0) fail("no field has such a number");
  field_ = static_cast<std::uint32_t>(tag >> 3U);
  switch (tag & 7U) {
    case 0:
      form_ = Form::varint;
      number_ = varint(left_);
      return true;
    case 1:
      form_ = Form::eight_bytes;
      content_ = take(8);
      return true;
    case 2:
      form_ = Form::length;
      content_ = take(varint(left_));
      return true;
    case 5:
      form_ = Form::four_bytes;
      content_ = take(4);
      return true;
    case 3:
    case 4:
      fail("groups are not read");
    default:
      fail("no field has such a form");
  }
}

void Message::expect(Form form, std::string_view what) const {
  if (form_ != form) fail(fmt::format("not {}", what));
}

std::int64_t Message::integer() const {
  expect(Form::varint, "an integer");
  return static_cast<std::int64_t>(number_);
}

std::int32_t Message::narrow(std::uint64_t number) const {
  const auto wide = static_cast<std::int64_t>(number);
  if (!std::in_range<std::int32_t>(wide)) fail(fmt::format("{} does not fit 32 bits", wide));
  return static_cast<std::int32_t>(wide);
}

std::int32_t Message::small_integer() const {
  expect(Form::varint, "an integer");
  return narrow(number_);
}

float Message::f32() const {
  expect(Form::four_bytes, "a float");
  float number = 0.0F;
  std::memcpy(&number, content_.data(), sizeof number);
  return number;
}

std::span<const std::byte> Message::bytes() const {
  expect(Form::length, "bytes with a length");
  return content_;
}

std::string Message::text() const {
  expect(Form::length, "text");
  if (!is_utf8(content_)) fail("text that is not UTF-8");
  return {reinterpret_cast<const char*>(content_.data()), content_.size()};
}

Message Message::message(std::string_view type) const {
  expect(Form::length, "a message");
  return {*file_, type, this, content_};
}

template <typename T, typename Convert>
void Message::varints(std::vector<T>& to, const Convert& convert) const {
  if (form_ == Form::varint) {
    to.push_back(convert(number_));
    return;
  }
  expect(Form::length, "integers");
  for (auto rest = content_; !rest.empty();) to.push_back(convert(varint(rest)));
}

template <typename T>
void Message::fixed(std::vector<T>& to, Form form) const {
  if (form_ != form) expect(Form::length, "floats");
  if (content_.size() % sizeof(T) != 0)
    fail(fmt::format("{} bytes are no whole number of floats", content_.size()));
  const std::size_t before = to.size();
  to.resize(before + content_.size() / sizeof(T));
  if (!content_.empty()) std::memcpy(to.data() + before, content_.data(), content_.size());
}

void Message::integers(std::vector<std::int64_t>& to) const {
  varints(to, [](std::uint64_t number) { return static_cast<std::int64_t>(number); });
}
void Message::naturals(std::vector<std::uint64_t>& to) const {
  varints(to, [](std::uint64_t number) { return number; });
}
void Message::small_integers(std::vector<std::int32_t>& to) const {
  varints(to, [this](std::uint64_t number) { return narrow(number); });
}
void Message::f32s(std::vector<float>& to) const { fixed(to, Form::four_bytes); }
void Message::f64s(std::vector<double>& to) const { fixed(to, Form::eight_bytes); }

}  // namespace weft::onnx
