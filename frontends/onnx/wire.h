#pragma once
// The wire format of Protocol Buffers, as far as ONNX needs it: a message is a list of fields, each a number
// and a varint, four or eight bytes, or a length and as many bytes. Nothing is trusted: every length is held
// against what is left, groups are refused, messages nest only so deep and are only so many, and text must be
// UTF-8. What is wrong is an Error(bad_file) that names the messages down to the field, and its byte. Nothing
// is copied; a Message refers to the bytes, and to the message that it is in. One thread at a time.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::onnx {

/// How much a file may ask of its reader.
struct ReadLimits {
  int depth = 100;                   // messages within messages
  std::uint64_t messages = 8 << 20;  // in all
};

/// What the messages of one file share.
class WireFile {
 public:
  /// `name` stands before every complaint.
  WireFile(std::span<const std::byte> bytes, std::string name, const ReadLimits& limits = {})
      : bytes_(bytes), name_(std::move(name)), limits_(limits), messages_left_(limits.messages) {}

 private:
  friend class Message;
  std::span<const std::byte> bytes_;
  std::string name_;
  ReadLimits limits_;
  std::uint64_t messages_left_;
};

class Message {
 public:
  /// The message that a whole file is.
  Message(WireFile& file, std::string_view type);

  /// Goes on to the next field, past what was not read of this one; false at the end.
  bool next();
  /// The number of the field.
  std::uint32_t field() const noexcept { return field_; }

  /// The field, which must have that form. A repeated field comes as often as it has elements.
  std::int64_t integer() const;
  /// The same, which must fit 32 bits, as all enumerations do.
  std::int32_t small_integer() const;
  float f32() const;
  std::string text() const;
  std::span<const std::byte> bytes() const;
  Message message(std::string_view type) const;

  /// Appends the elements of a repeated field, which may be packed into one or not.
  void integers(std::vector<std::int64_t>& to) const;
  void small_integers(std::vector<std::int32_t>& to) const;
  void naturals(std::vector<std::uint64_t>& to) const;
  void f32s(std::vector<float>& to) const;
  void f64s(std::vector<double>& to) const;

  /// Complains about the field.
  [[noreturn]] void fail(std::string_view problem) const;

 private:
  enum class Form : std::uint8_t { varint = 0, eight_bytes = 1, length = 2, four_bytes = 5 };

  Message(WireFile& file, std::string_view type, const Message* parent, std::span<const std::byte> bytes);
  std::uint64_t varint(std::span<const std::byte>& from) const;
  std::span<const std::byte> take(std::uint64_t count);
  void expect(Form form, std::string_view what) const;
  template <typename T, typename Convert>
  void varints(std::vector<T>& to, const Convert& convert) const;
  template <typename T>
  void fixed(std::vector<T>& to, Form form) const;
  std::int32_t narrow(std::uint64_t number) const;

  WireFile* file_;
  std::string_view type_;
  const Message* parent_ = nullptr;
  int depth_ = 0;
  std::span<const std::byte> left_;
  std::uint32_t field_ = 0;
  Form form_ = Form::varint;
  std::size_t at_ = 0;                  // of the field in the file
  std::uint64_t number_ = 0;            // of a varint
  std::span<const std::byte> content_;  // of any other form
};

}  // namespace weft::onnx
