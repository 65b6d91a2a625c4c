#include "weft/frontends/onnx/tensor_data.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "weft/frontends/onnx/read_model.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::onnx {
namespace {

constexpr std::uint64_t kMostModelBytes = std::uint64_t{1} << 31U;

[[noreturn]] void throw_bad_tensor(const TensorProto& proto, const std::string& problem, Trail trail = {}) {
  throw Error(ErrorCode::bad_file, fmt::format("the tensor '{}': {}", printable(proto.name), problem),
              std::move(trail));
}

[[noreturn]] void throw_system(const std::string& path, std::string_view what, int error) {
  throw Error(ErrorCode::io, fmt::format("{}: {}: {}", printable(path), what, std::strerror(error)));
}

/// An open file or folder.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// The size of an open regular file.
std::uint64_t size_of_file(const Descriptor& file, const std::string& path) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw_system(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::io, printable(path) + ": not a regular file");
  return static_cast<std::uint64_t>(status.st_size);
}

void read_exactly(const Descriptor& file, std::uint64_t offset, std::span<std::byte> into,
                  const std::string& path) {
  while (!into.empty()) {
    const ssize_t got = ::pread(file.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system(path, "cannot be read", errno);
    if (got == 0) throw Error(ErrorCode::io, printable(path) + ": it became shorter while it was read");
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
}

/// Opens a file below `folder`, one part of its path after the other, so that nothing leads out.
Descriptor open_inside(const TensorProto& proto, const std::filesystem::path& folder,
                       const std::string& location) {
  const std::filesystem::path relative(location);
  if (location.empty() || location.find('\0') != std::string::npos || relative.is_absolute())
    throw_bad_tensor(proto, fmt::format("its data cannot lie at '{}'", printable(location)));
  Descriptor at(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) throw_system(folder.string(), "cannot be opened", errno);
  for (auto part = relative.begin(); part != relative.end(); ++part) {
    if (part->empty() || *part == ".") continue;
    if (*part == "..")
      throw_bad_tensor(
          proto, fmt::format("its data lie outside of the model's folder, at '{}'", printable(location)));
    const bool last = std::next(part) == relative.end();
    const int kind = last ? O_NONBLOCK : O_DIRECTORY;
    Descriptor next(::openat(at.get(), part->c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
    if (next.get() < 0 && (errno == ELOOP || errno == ENOTDIR))
      throw_bad_tensor(proto,
                       fmt::format("its data lie behind a link or no folder, at '{}'", printable(location)));
    if (next.get() < 0) throw_system((folder / relative).string(), "cannot be opened", errno);
    at = std::move(next);
  }
  return at;
}

std::uint64_t natural_of(const TensorProto& proto, const StringStringEntry& entry) {
  std::uint64_t number = 0;
  const char* const end = entry.value.data() + entry.value.size();
  const auto [stop, error] = std::from_chars(entry.value.data(), end, number);
  if (error != std::errc{} || stop != end)
    throw_bad_tensor(proto, fmt::format("its {} is '{}', no number", entry.key, printable(entry.value)));
  return number;
}

void read_external(const TensorProto& proto, const std::filesystem::path& folder, std::span<std::byte> into) {
  std::string location;
  std::uint64_t offset = 0;
  std::uint64_t length = into.size();
  for (const StringStringEntry& entry : proto.external_data) {
    if (entry.key == "location") location = entry.value;
    if (entry.key == "offset") offset = natural_of(proto, entry);
    if (entry.key == "length") length = natural_of(proto, entry);
  }
  if (length != into.size())
    throw_bad_tensor(proto, "its external data do not fill it",
                     {.expected = fmt::format("{} bytes", into.size()), .actual = fmt::format("{}", length)});
  const Descriptor file = open_inside(proto, folder, location);
  const std::string path = (folder / location).string();
  const std::uint64_t size = size_of_file(file, path);
  if (offset > size || length > size - offset)
    throw_bad_tensor(proto, fmt::format("its data end beyond '{}'", printable(location)),
                     {.expected = fmt::format("{} bytes from byte {} on", length, offset),
                      .actual = fmt::format("a file of {} bytes", size)});
  read_exactly(file, offset, into, path);
}

void expect_count(const TensorProto& proto, std::size_t expected, std::size_t actual, std::string_view what) {
  if (expected == actual) return;
  throw_bad_tensor(proto, "its data do not fill its sizes",
                   {.expected = fmt::format("{} {}", expected, what), .actual = fmt::format("{}", actual)});
}

template <typename T, typename From>
void take_numbers(const TensorProto& proto, const std::vector<From>& from, std::span<T> to) {
  expect_count(proto, to.size(), from.size(), "numbers");
  for (std::size_t i = 0; i < to.size(); ++i) {
    if constexpr (std::is_same_v<T, bool>) {
      if (from[i] != From{0} && from[i] != From{1}) throw_bad_tensor(proto, "a bool is neither 0 nor 1");
    } else if constexpr (std::is_integral_v<T>) {
      if (!std::in_range<T>(from[i]))
        throw_bad_tensor(proto, fmt::format("{} does not fit its type", from[i]));
    }
    to[i] = static_cast<T>(from[i]);
  }
}

/// Floats of 16 bits lie in the field as their bits.
template <HalfFloat T>
void take_bits(const TensorProto& proto, const std::vector<std::int32_t>& from, std::span<T> to) {
  expect_count(proto, to.size(), from.size(), "numbers");
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (!std::in_range<std::uint16_t>(from[i]))
      throw_bad_tensor(proto, fmt::format("{} does not fit its type", from[i]));
    to[i] = T::of_bits(static_cast<std::uint16_t>(from[i]));
  }
}

void read_typed(const TensorProto& proto, TypedField field, Tensor& tensor) {
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    const std::span<T> to = tensor.mutable_values<T>();
    switch (field) {
      case TypedField::float_data:
        if constexpr (std::is_same_v<T, float>) take_numbers(proto, proto.float_data, to);
        return;
      case TypedField::double_data:
        if constexpr (std::is_same_v<T, double>) take_numbers(proto, proto.double_data, to);
        return;
      case TypedField::int32_data:
        if constexpr (std::is_integral_v<T>) take_numbers(proto, proto.int32_data, to);
        if constexpr (HalfFloat<T>) take_bits(proto, proto.int32_data, to);
        return;
      case TypedField::int64_data:
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
          take_numbers(proto, proto.int64_data, to);
        return;
      case TypedField::uint64_data:
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
          take_numbers(proto, proto.uint64_data, to);
        return;
      case TypedField::none:
        throw_bad_tensor(proto, "a type without numbers");
    }
  });
}

/// How many bytes of the file stand for the numbers, before any memory is taken for them; external data are
/// held against their file's size later.
void expect_data(const TensorProto& proto, const DataTypeEntry& entry, std::size_t elements) {
  if (proto.external) return;
  if (proto.raw_data)
    return expect_count(proto, elements * entry.bytes, proto.raw_data->bytes.size(), "bytes");
  std::size_t count = 0;
  if (entry.field == TypedField::float_data) count = proto.float_data.size();
  if (entry.field == TypedField::double_data) count = proto.double_data.size();
  if (entry.field == TypedField::int32_data) count = proto.int32_data.size();
  if (entry.field == TypedField::int64_data) count = proto.int64_data.size();
  if (entry.field == TypedField::uint64_data) count = proto.uint64_data.size();
  expect_count(proto, elements, count, "numbers");
}

void expect_bools(const TensorProto& proto, std::span<const std::byte> bytes) {
  if (std::ranges::any_of(bytes, [](std::byte byte) { return std::to_integer<unsigned>(byte) > 1; }))
    throw_bad_tensor(proto, "a bool is neither 0 nor 1");
}

std::int64_t elements_of(const TensorProto& proto, DType dtype) {
  try {
    if (std::ranges::any_of(proto.dims, [](std::int64_t size) { return size < 0; }))
      throw_bad_tensor(proto, "a size is negative");
    checked_bytes(proto.dims, dtype);
    return checked_elements(proto.dims);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::bad_file) throw;
    throw_bad_tensor(proto, fmt::format("impossible sizes: {}", error.message()));
  }
}

/// Refuses external data that its file cannot hold before memory is taken for them.
void expect_external(const TensorProto& proto, const std::filesystem::path& folder, std::size_t bytes) {
  for (const StringStringEntry& entry : proto.external_data) {
    if (entry.key != "location") continue;
    const Descriptor file = open_inside(proto, folder, entry.value);
    const std::uint64_t size = size_of_file(file, (folder / entry.value).string());
    if (bytes > size)
      throw_bad_tensor(proto, fmt::format("its data end beyond '{}'", printable(entry.value)));
    return;
  }
  throw_bad_tensor(proto, "external data without a location");
}

}  // namespace

SharedBytes read_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) throw_system(path.string(), "cannot be opened", errno);
  const std::uint64_t size = size_of_file(file, path.string());
  if (size > kMostModelBytes)
    throw Error(ErrorCode::bad_file, printable(path.string()) + ": a model file has at most 2 GB");
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(size));
  read_exactly(file, 0, *bytes, path.string());
  const std::span<const std::byte> all(*bytes);
  return {all, std::move(bytes)};
}

Tensor read_tensor(const TensorProto& proto, const std::filesystem::path& folder) {
  const DType dtype = dtype_of(proto.data_type);
  const DataTypeEntry& entry = *data_type_entry(proto.data_type);
  const std::int64_t elements = elements_of(proto, dtype);
  expect_data(proto, entry, static_cast<std::size_t>(elements));
  if (proto.external) expect_external(proto, folder, checked_bytes(proto.dims, dtype));
  Tensor tensor = Tensor::uninitialized(dtype, proto.dims);
  const std::span<std::byte> into(static_cast<std::byte*>(tensor.mutable_data()), tensor.bytes());
  if (proto.external) {
    read_external(proto, folder, into);
  } else if (proto.raw_data) {
    std::ranges::copy(proto.raw_data->bytes, into.begin());
  } else {
    read_typed(proto, entry.field, tensor);
  }
  if (dtype == DType::boolean) expect_bools(proto, into);
  return tensor;
}

Tensor read_sparse_tensor(const SparseTensorProto& proto, const std::filesystem::path& folder) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 28U;  // a sparse file may ask for any dense size
  const Tensor values = read_tensor(proto.values, folder);
  const Tensor indices = read_tensor(proto.indices, folder);
  TensorProto dense{};
  dense.name = proto.values.name;
  dense.dims = proto.dims;
  const std::int64_t elements = elements_of(dense, values.dtype());
  const auto rank = static_cast<std::int64_t>(proto.dims.size());
  const bool linear = indices.rank() == 1;
  if (elements > kMostElements) throw_bad_tensor(dense, "a sparse tensor of more than 2^28 elements");
  if (indices.dtype() != DType::i64 || values.rank() != 1 ||
      indices.elements() != values.elements() * (linear ? 1 : rank))
    throw_bad_tensor(dense, "its indices do not fit its values");
  Tensor tensor = Tensor::zeros(values.dtype(), proto.dims);
  const auto at = indices.values<std::int64_t>();
  const auto* from = static_cast<const std::byte*>(values.data());
  auto* to = static_cast<std::byte*>(tensor.mutable_data());
  const std::size_t bytes = size_of(values.dtype());
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    std::int64_t place = linear ? at[static_cast<std::size_t>(i)] : 0;
    for (std::int64_t axis = 0; !linear && axis < rank; ++axis) {
      const std::int64_t index = at[static_cast<std::size_t>(i * rank + axis)];
      const std::int64_t size = proto.dims[static_cast<std::size_t>(axis)];
      if (index < 0 || index >= size) throw_bad_tensor(dense, "an index lies outside");
      place = place * size + index;
    }
    if (place < 0 || place >= elements) throw_bad_tensor(dense, "an index lies outside");
    std::memcpy(to + static_cast<std::size_t>(place) * bytes, from + static_cast<std::size_t>(i) * bytes,
                bytes);
  }
  return tensor;
}

}  // namespace weft::onnx
