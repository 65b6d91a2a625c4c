#include "weft/frontends/data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "weft/frontends/data/byte_order.h"
#include "weft/frontends/data/gzip_writer.h"
#include "weft/frontends/data/npy_header.h"
#include "weft/frontends/data/read_elements.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"

static_assert(std::endian::native == std::endian::little, "NumPy's files are written as little-endian");

namespace weft::data {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kNpyMagic = "\x93NUMPY"sv;
constexpr std::size_t kMostHeaderBytes = 10'000;
constexpr std::size_t kNpyAlignment = 64;  // of the first number in the file

/// An element type: a kind and a number of bytes, after a sign for their order.
struct NpyType {
  std::string_view name;
  DType dtype;
};
constexpr std::array kNpyTypes{
    NpyType{"f4", DType::f32}, NpyType{"f8", DType::f64}, NpyType{"f2", DType::f16},
    NpyType{"i1", DType::i8},  NpyType{"i2", DType::i16}, NpyType{"i4", DType::i32},
    NpyType{"i8", DType::i64}, NpyType{"u1", DType::u8},  NpyType{"u2", DType::u16},
    NpyType{"u4", DType::u32}, NpyType{"u8", DType::u64}, NpyType{"b1", DType::boolean}};

Error bad_npy(const std::string& name, std::string_view problem, std::string expected, std::string actual) {
  return Error(ErrorCode::bad_file, fmt::format("{}: {}", name, problem),
               {.expected = std::move(expected), .actual = std::move(actual)});
}

void read_exactly(ByteSource& source, std::span<std::byte> into, const std::string& name) {
  const std::size_t got = source.read(into);
  if (got != into.size())
    throw bad_npy(name, "the .npy header ends early", fmt::format("{} more bytes", into.size()),
                  std::to_string(got));
}

std::uint32_t little_endian(std::span<const std::byte> bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    number = (number << 8U) | std::to_integer<std::uint32_t>(bytes[i]);
  return number;
}

struct HeaderText {
  std::string text;
  std::uint64_t bytes = 0;  // in the file, all that stands before the numbers
};

HeaderText read_header_text(ByteSource& source, const std::string& name) {
  std::array<std::byte, 8> start{};  // the magic and the version
  read_exactly(source, start, name);
  if (std::memcmp(start.data(), kNpyMagic.data(), kNpyMagic.size()) != 0)
    throw bad_npy(name, "not a .npy file", "\\x93NUMPY at its start", "other bytes");
  const auto major = std::to_integer<unsigned>(start[6]);
  const auto minor = std::to_integer<unsigned>(start[7]);
  if (major < 1 || major > 3 || minor != 0)
    throw bad_npy(name, "a version of .npy that is not known", "1.0, 2.0 or 3.0",
                  fmt::format("{}.{}", major, minor));
  std::array<std::byte, 4> packed{};
  const auto length_bytes = std::span(packed).first(major == 1 ? 2 : 4);
  read_exactly(source, length_bytes, name);
  const std::uint32_t length = little_endian(length_bytes);
  if (length > kMostHeaderBytes)
    throw bad_npy(name, "the .npy header is too long", fmt::format("at most {} bytes", kMostHeaderBytes),
                  std::to_string(length));
  HeaderText made{.text = std::string(length, '\0'),
                  .bytes = start.size() + length_bytes.size() + std::uint64_t{length}};
  read_exactly(source, std::as_writable_bytes(std::span(made.text)), name);
  return made;
}

struct ElementOrder {
  DType dtype = DType::f32;
  bool big_endian = false;
};

ElementOrder element_order(const std::string& descr, const std::string& name) {
  const std::string_view text = descr;
  const auto* const found =
      text.empty() ? kNpyTypes.end() : std::ranges::find(kNpyTypes, text.substr(1), &NpyType::name);
  const bool has_order = !text.empty() && "<>|"sv.find(text[0]) != std::string_view::npos;
  if (found == kNpyTypes.end() || !has_order || (text[0] == '|' && size_of(found->dtype) > 1))
    throw Error(ErrorCode::unsupported, name + ": an element type that weft does not have",
                {.expected = "floats, integers or bools, as '<f4' or '|b1'",
                 .actual = fmt::format("'{}'", printable(descr))});
  return {.dtype = found->dtype, .big_endian = text[0] == '>'};
}

/// Throws unless the bytes of the numbers fit a size.
std::uint64_t bytes_of_numbers(const NpyHeader& header, DType dtype, const std::string& name) {
  try {
    return checked_bytes(header.shape, dtype);
  } catch (const Error& error) {
    throw bad_npy(name, "an impossible shape", "a size in bytes below 2^63", error.message());
  }
}

Error wrong_size(const TensorType& type, std::uint64_t bytes, const std::string& name,
                 const std::string& actual, bool longer) {
  return bad_npy(name, longer ? "bytes after the data" : "the data ends early",
                 fmt::format("{} bytes of data for {}", bytes, to_string(type)), actual);
}

/// The numbers of a tensor whose file has the first axis run fastest.
Tensor row_major(const Tensor& flat, std::span<const std::int64_t> sizes) {
  Tensor made = Tensor::uninitialized(flat.dtype(), std::vector<std::int64_t>(sizes.begin(), sizes.end()));
  const auto* const from = static_cast<const std::byte*>(flat.data());
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t axis = 1; axis < sizes.size(); ++axis) strides[axis] = strides[axis - 1] * sizes[axis - 1];
  visit_size(flat.dtype(), [&]<typename Bits>(Bits) {
    std::byte* to = bytes_of(made).data();
    std::vector<std::int64_t> index(sizes.size(), 0);
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < flat.elements(); ++i, to += sizeof(Bits)) {
      std::memcpy(to, from + static_cast<std::size_t>(at) * sizeof(Bits), sizeof(Bits));
      for (std::size_t axis = sizes.size(); axis-- > 0;) {
        at += strides[axis];
        if (++index[axis] < sizes[axis]) break;
        at -= strides[axis] * sizes[axis];
        index[axis] = 0;
      }
    }
  });
  return made;
}

/// A byte that is neither 0 nor 1 would be no bool of C++.
void expect_bools(Tensor& tensor, const std::string& name) {
  const std::span<const std::byte> bytes = bytes_of(tensor);
  const auto wrong = std::ranges::find_if(bytes, [](std::byte b) { return b > std::byte{1}; });
  if (wrong != bytes.end())
    throw bad_npy(name, fmt::format("element {} is no bool", wrong - bytes.begin()), "0 or 1",
                  std::to_string(std::to_integer<int>(*wrong)));
}

std::string descr_of(DType dtype) {
  const auto* const found = std::ranges::find(kNpyTypes, dtype, &NpyType::dtype);
  if (found == kNpyTypes.end())
    throw Error(ErrorCode::unsupported, fmt::format("NumPy has no {}", name_of(dtype)));
  return fmt::format("{}{}", size_of(dtype) == 1 ? '|' : '<', found->name);
}

/// `writer` is an AtomicFile or a GzipWriter around one.
template <typename Writer>
void write_array(Writer& writer, std::string_view header, const Tensor& tensor) {
  writer.write(std::as_bytes(std::span(header)));
  writer.write(std::span{static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
}

}  // namespace

Tensor read_npy(ByteSource& source, const std::string& name) {
  const HeaderText read = read_header_text(source, name);
  const NpyHeader header = parse_npy_header(read.text, name);
  const auto [dtype, big_endian] = element_order(header.descr, name);
  const TensorType type{dtype, Shape::of(header.shape)};
  const std::uint64_t bytes = bytes_of_numbers(header, dtype, name);
  if (const auto size = source.known_size(); size && *size != read.bytes + bytes) {
    const std::uint64_t present = std::max(*size, read.bytes) - read.bytes;
    throw wrong_size(type, bytes, name, std::to_string(present), present > bytes);
  }
  ReadElements numbers = read_elements(source, dtype, static_cast<std::int64_t>(bytes / size_of(dtype)));
  if (!numbers.complete) throw wrong_size(type, bytes, name, std::to_string(numbers.bytes), false);
  std::array<std::byte, 1> extra{};
  if (source.read(extra) != 0) throw wrong_size(type, bytes, name, fmt::format("more than {}", bytes), true);
  if (big_endian) swap_big_endian(bytes_of(numbers.elements), size_of(dtype));
  if (dtype == DType::boolean) expect_bools(numbers.elements, name);
  const bool in_order = !header.fortran_order || header.shape.size() < 2 || bytes == 0;
  return in_order ? numbers.elements.reshaped(header.shape) : row_major(numbers.elements, header.shape);
}

Tensor read_npy(const std::filesystem::path& path) {
  const auto source = open_bytes(path);
  return read_npy(*source, path.string());
}

Tensor for_numpy(const Tensor& tensor) {
  if (tensor.dtype() != DType::bf16) return tensor;
  Tensor wide = Tensor::uninitialized(
      DType::f32, std::vector<std::int64_t>(tensor.sizes().begin(), tensor.sizes().end()));
  std::ranges::copy(tensor.values<BFloat16>(), wide.mutable_values<float>().begin());
  return wide;
}

std::string npy_header(const Tensor& tensor) {
  constexpr std::size_t kNumPysAxes = 32;  // NumPy 1's
  if (tensor.rank() > kNumPysAxes)
    throw Error(
        ErrorCode::unsupported, "NumPy cannot hold this shape",
        {.expected = fmt::format("at most {} axes", kNumPysAxes), .actual = to_string(tensor.type())});
  std::string shape;
  for (const std::int64_t size : tensor.sizes())
    shape += fmt::format("{}{}", shape.empty() ? "" : ", ", size);
  if (tensor.rank() == 1) shape += ',';
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                 descr_of(tensor.dtype()), shape);
  constexpr std::size_t kBefore = 10;  // the magic, the version and the length
  const std::size_t used = kBefore + dict.size() + 1;
  dict.append((kNpyAlignment - used % kNpyAlignment) % kNpyAlignment, ' ');
  dict += '\n';
  std::string header(kNpyMagic);
  header += {'\x01', '\x00', static_cast<char>(dict.size() & 0xFFU), static_cast<char>(dict.size() >> 8U)};
  return header + dict;
}

void write_npy(const Tensor& tensor, const std::filesystem::path& path) {
  const Tensor numbers = for_numpy(tensor);
  const std::string header = npy_header(numbers);
  AtomicFile file(path);
  if (path.extension() == ".gz") {
    GzipWriter compressed(file);
    write_array(compressed, header, numbers);
    compressed.finish();
  } else {
    write_array(file, header, numbers);
  }
  file.commit();
}

}  // namespace weft::data
