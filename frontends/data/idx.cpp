#include "weft/frontends/data/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weft/frontends/data/byte_order.h"
#include "weft/frontends/data/byte_source.h"
#include "weft/frontends/data/gzip_writer.h"
#include "weft/frontends/data/read_elements.h"
#include "weft/graph/error.h"
#include "weft/runtime/files/file_system.h"

namespace weft::data {
namespace {

/// An element type of the format, and the dtype that holds its numbers.
struct ElementType {
  unsigned code;
  DType dtype;
  std::size_t bytes;  // in the file
};
constexpr std::array kElementTypes{ElementType{0x08, DType::u8, 1},  ElementType{0x09, DType::i32, 1},
                                   ElementType{0x0B, DType::i32, 2}, ElementType{0x0C, DType::i32, 4},
                                   ElementType{0x0D, DType::f32, 4}, ElementType{0x0E, DType::f64, 8}};

struct Header {
  const ElementType* type;
  std::vector<std::int64_t> sizes;
  std::uint64_t bytes;  // of the header itself
  std::uint64_t data_bytes;
};

Error bad_file(const std::string& path, const char* problem, std::string expected, std::string actual) {
  return Error(ErrorCode::bad_file, fmt::format("{}: {}", path, problem),
               {.expected = std::move(expected), .actual = std::move(actual)});
}

unsigned code_of(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return 0x08;
    case DType::i32:
      return 0x0C;
    case DType::f32:
      return 0x0D;
    case DType::f64:
      return 0x0E;
    default:
      throw Error(ErrorCode::unsupported, "IDX cannot hold this dtype",
                  {.expected = "u8, i32, f32 or f64", .actual = std::string(name_of(dtype))});
  }
}

void read_header_bytes(ByteSource& source, std::span<std::byte> into, const std::string& path) {
  const std::size_t got = source.read(into);
  if (got == into.size()) return;
  throw bad_file(path, "the IDX header ends early", fmt::format("{} more bytes", into.size()),
                 fmt::format("{}", got));
}

const ElementType& element_type(unsigned code, const std::string& path) {
  const auto* const found = std::ranges::find(kElementTypes, code, &ElementType::code);
  if (found != kElementTypes.end()) return *found;
  throw bad_file(path, "not an IDX file", "a type code of 0x08, 0x09, 0x0B, 0x0C, 0x0D or 0x0E",
                 fmt::format("0x{:02X}", code));
}

/// The bytes of the data in the file. Throws also if the tensor's bytes do not fit a size.
std::uint64_t data_bytes_of(const std::vector<std::int64_t>& sizes, const ElementType& type,
                            const std::string& path) {
  try {
    return checked_bytes(sizes, type.dtype) / size_of(type.dtype) * type.bytes;
  } catch (const Error& error) {
    throw bad_file(path, "an impossible IDX header", "a size in bytes below 2^63", error.message());
  }
}

Header read_header(ByteSource& source, const std::string& path) {
  std::array<std::byte, 4> magic{};
  read_header_bytes(source, magic, path);
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0}) {
    throw bad_file(path, "not an IDX file", "a magic number of 0x0000....",
                   fmt::format("0x{:08X}", big_endian_u32(magic)));
  }
  const ElementType& type = element_type(std::to_integer<unsigned>(magic[2]), path);
  const auto rank = std::to_integer<std::size_t>(magic[3]);
  if (rank == 0) throw bad_file(path, "not an IDX file", "a rank of 1 or more", "rank 0");

  std::vector<std::byte> packed(4 * rank);
  read_header_bytes(source, packed, path);
  std::vector<std::int64_t> sizes(rank);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    sizes[axis] = big_endian_u32(std::span(packed).subspan(4 * axis).first<4>());
  }
  const std::uint64_t data_bytes = data_bytes_of(sizes, type, path);
  return {.type = &type,
          .sizes = std::move(sizes),
          .bytes = magic.size() + packed.size(),
          .data_bytes = data_bytes};
}

Error wrong_length(const Header& header, const std::string& path, const std::string& actual, bool longer) {
  return bad_file(path, longer ? "bytes after the data" : "the data ends early",
                  fmt::format("{} bytes of data for {}", header.data_bytes,
                              to_string(TensorType{header.type->dtype, Shape::of(header.sizes)})),
                  actual);
}

void check_file_size(const Header& header, std::uint64_t file_bytes, const std::string& path) {
  const std::uint64_t present = std::max(file_bytes, header.bytes) - header.bytes;
  if (present != header.data_bytes) {
    throw wrong_length(header, path, fmt::format("{}", present), present > header.data_bytes);
  }
}

/// Integers of T, big-endian, as i32.
template <typename T>
Tensor widened(std::span<std::byte> packed) {
  swap_big_endian(packed, sizeof(T));
  Tensor wide = Tensor::uninitialized(DType::i32, {static_cast<std::int64_t>(packed.size() / sizeof(T))});
  for (std::size_t i = 0; std::int32_t& number : wide.mutable_values<std::int32_t>()) {
    T narrow{};
    std::memcpy(&narrow, packed.data() + i++ * sizeof(T), sizeof(T));
    number = narrow;
  }
  return wide;
}

void expect_end(ByteSource& source, const Header& header, const std::string& path) {
  std::array<std::byte, 1> extra{};
  if (source.read(extra) != 0) {
    throw wrong_length(header, path, fmt::format("more than {}", header.data_bytes), true);
  }
}

std::vector<std::byte> header_of(const Tensor& tensor) {
  constexpr std::int64_t kMaxSize = std::numeric_limits<std::uint32_t>::max();
  const auto sizes = tensor.sizes();
  if (sizes.empty() || sizes.size() > 255 || *std::ranges::max_element(sizes) > kMaxSize) {
    throw Error(ErrorCode::unsupported, "IDX cannot hold this shape",
                {.expected = "a rank of 1 to 255 and sizes below 2^32", .actual = to_string(tensor.type())});
  }
  std::vector<std::byte> header(4 * (1 + sizes.size()));
  header[2] = static_cast<std::byte>(code_of(tensor.dtype()));
  header[3] = static_cast<std::byte>(sizes.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    for (std::size_t i = 0; i < 4; ++i) {
      header[4 * (axis + 1) + i] = static_cast<std::byte>((sizes[axis] >> (24 - 8 * i)) & 0xFF);
    }
  }
  return header;
}

/// `writer` is an AtomicFile or a GzipWriter around one.
template <typename Writer>
void write_all(Writer& writer, std::span<const std::byte> header, const Tensor& tensor) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  writer.write(header);
  const std::span all{static_cast<const std::byte*>(tensor.data()), tensor.bytes()};
  std::vector<std::byte> chunk;
  for (std::size_t begin = 0; begin < all.size(); begin += kChunk) {
    const auto part = all.subspan(begin, std::min(kChunk, all.size() - begin));
    chunk.assign(part.begin(), part.end());
    swap_big_endian(chunk, size_of(tensor.dtype()));
    writer.write(std::span<const std::byte>(chunk));
  }
}

}  // namespace

Tensor read_idx(const std::filesystem::path& path) {
  const std::string name = path.string();
  const auto source = open_bytes(path);
  const Header header = read_header(*source, name);
  const auto known_size = source->known_size();
  if (known_size) check_file_size(header, *known_size, name);
  // Elements without a dtype of their size are read as bytes first.
  const auto [code, dtype, width] = *header.type;
  const bool is_narrow = width != size_of(dtype);
  const auto count = static_cast<std::int64_t>(is_narrow ? header.data_bytes : header.data_bytes / width);
  const ReadElements read = read_elements(*source, is_narrow ? DType::u8 : dtype, count);
  if (!read.complete) throw wrong_length(header, name, fmt::format("{}", read.bytes), false);
  expect_end(*source, header, name);
  Tensor elements = read.elements;
  if (!is_narrow) {
    swap_big_endian(bytes_of(elements), width);
  } else {
    elements =
        width == 1 ? widened<std::int8_t>(bytes_of(elements)) : widened<std::int16_t>(bytes_of(elements));
  }
  return elements.reshaped(header.sizes);
}

void write_idx(const Tensor& tensor, const std::filesystem::path& path) {
  const std::vector<std::byte> header = header_of(tensor);
  AtomicFile file(path);
  if (path.extension() == ".gz") {
    GzipWriter compressed(file);
    write_all(compressed, header, tensor);
    compressed.finish();
  } else {
    write_all(file, header, tensor);
  }
  file.commit();
}

}  // namespace weft::data
