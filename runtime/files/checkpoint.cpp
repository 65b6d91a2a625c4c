#include "weft/runtime/files/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "weft/runtime/files/file_system.h"

static_assert(std::endian::native == std::endian::little, "safetensors stores little-endian numbers");

namespace weft {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the format's own reader
constexpr int kMostDepth = 2;                            // lists, within an entry, within the header
constexpr std::string_view kMetadata = "__metadata__";

[[noreturn]] void throw_bad(const std::filesystem::path& path, const std::string& what,
                            const Trail& trail = {}) {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {}", path.string(), what), trail);
}

json header_of(const Checkpoint& checkpoint) {
  json header = json::object();
  if (!checkpoint.metadata.empty()) header[kMetadata] = checkpoint.metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name == kMetadata)
      throw Error(ErrorCode::invalid_argument, fmt::format("no tensor can be called {}", name));
    header[name] = {{"dtype", stored_dtype_of(tensor.dtype()).name},
                    {"shape", std::vector<std::int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
                    {"data_offsets", {offset, offset + tensor.bytes()}}};
    offset += tensor.bytes();
  }
  return header;
}

std::string dump(const json& header) {
  try {
    return header.dump();
  } catch (const json::type_error&) {
    throw Error(ErrorCode::invalid_argument, "names and metadata in a checkpoint must be UTF-8");
  }
}

/// Parses the header. It must not nest deeper than the format does, nor have a key twice.
json parse_header(const std::filesystem::path& path, const std::string& text) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, json::parse_event_t event, const json& parsed) {
    using enum json::parse_event_t;
    if (event == object_end) keys.pop_back();
    if ((event == object_start || event == array_start) && depth > kMostDepth)
      throw_bad(path, "its header nests too deep");
    if (event == object_start) keys.emplace_back();
    if (event == key && !keys.back().insert(parsed.get<std::string>()).second) {
      throw_bad(path, fmt::format("its header says {} twice", parsed.dump()));
    }
    return true;
  };
  json header = json::parse(text, check, false);
  if (!header.is_object()) throw_bad(path, "its header is not a JSON object");
  return header;
}

/// A text from a file, made safe for a message: quoted, on one line.
std::string quoted(const std::string& text) { return json(text).dump(); }

StoredTensor parse_entry(const std::filesystem::path& path, const std::string& name, const json& text) {
  StoredTensor tensor;
  try {
    const auto& dtype = text.at("dtype").get_ref<const std::string&>();
    tensor.dtype = stored_dtype_named(dtype);
    if (tensor.dtype == nullptr)
      throw_bad(path, fmt::format("tensor {} has the unknown dtype {}", quoted(name), quoted(dtype)));
    const json& shape = text.at("shape");
    if (!shape.is_array())
      throw_bad(path, fmt::format("tensor {} has a shape that is not a list", quoted(name)));
    for (const json& size : shape) {
      if (!size.is_number_unsigned())
        throw_bad(path, fmt::format("tensor {} has a size that is not a natural number", quoted(name)));
      const auto number = size.get<std::uint64_t>();
      if (!std::in_range<std::int64_t>(number))
        throw_bad(path, fmt::format("tensor {} has a size of {}", quoted(name), number));
      tensor.sizes.push_back(static_cast<std::int64_t>(number));
    }
    const json& offsets = text.at("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets.at(0).is_number_unsigned() ||
        !offsets.at(1).is_number_unsigned()) {
      throw_bad(path, fmt::format("tensor {} has bad offsets", quoted(name)));
    }
    tensor.begin = offsets.at(0).get<std::uint64_t>();
    tensor.end = offsets.at(1).get<std::uint64_t>();
  } catch (const json::exception& error) {
    throw_bad(path, fmt::format("the entry of tensor {} cannot be read ({})", quoted(name), error.what()));
  }
  return tensor;
}

/// The bytes that a tensor's dtype and sizes need.
std::uint64_t bytes_of(const std::filesystem::path& path, const std::string& name,
                       const StoredTensor& tensor) {
  constexpr std::uint64_t kBitsPerByte = 8;
  std::uint64_t elements = 0;
  try {
    checked_bytes(tensor.sizes, DType::f64);  // the largest element type
    elements = static_cast<std::uint64_t>(checked_elements(tensor.sizes));
  } catch (const Error& error) {
    throw_bad(path, fmt::format("tensor {}: {}", quoted(name), error.message()));
  }
  if (elements % kBitsPerByte * tensor.dtype->bits % kBitsPerByte != 0)
    throw_bad(path, fmt::format("tensor {} ends within a byte", quoted(name)));
  return elements / kBitsPerByte * tensor.dtype->bits +
         elements % kBitsPerByte * tensor.dtype->bits / kBitsPerByte;
}

using NamedTensor = std::pair<const std::string, StoredTensor>;

/// The tensors must fill the data without gap or overlap, as the format demands. An empty tensor may lie
/// where any tensor begins, before it or behind it in the header.
void check_layout(const std::filesystem::path& path,
                  const std::map<std::string, StoredTensor, std::less<>>& tensors, std::uint64_t data_bytes) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& entry : tensors) {
    const auto& [name, tensor] = entry;
    const std::uint64_t bytes = bytes_of(path, name, tensor);
    if (tensor.end < tensor.begin || tensor.end - tensor.begin != bytes) {
      throw_bad(path, fmt::format("tensor {} lies about its size", quoted(name)),
                {.expected = fmt::format("{} bytes", bytes),
                 .actual = fmt::format("offsets {} to {}", tensor.begin, tensor.end)});
    }
    order.push_back(&entry);
  }
  std::ranges::sort(
      order, {}, [](const NamedTensor* entry) { return std::pair(entry->second.begin, entry->second.end); });
  std::uint64_t offset = 0;
  for (const NamedTensor* entry : order) {
    if (entry->second.begin != offset)
      throw_bad(path, fmt::format("tensor {} overlaps another or leaves a gap", quoted(entry->first)));
    offset = entry->second.end;
  }
  if (offset != data_bytes) {
    throw_bad(path, offset > data_bytes ? "the file is truncated" : "the file is longer than its header says",
              {.expected = fmt::format("{} bytes of data", offset), .actual = std::to_string(data_bytes)});
  }
}

Metadata parse_metadata(const std::filesystem::path& path, const json& text) {
  Metadata metadata;
  if (text.is_null()) return metadata;
  if (!text.is_object()) throw_bad(path, "its metadata is not an object");
  for (const auto& [key, value] : text.items()) {
    if (!value.is_string()) throw_bad(path, fmt::format("its metadata {} is not a text", quoted(key)));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  std::string header = dump(header_of(checkpoint));
  if (header.size() > kMostHeaderBytes - kLengthBytes) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("{}: no reader takes a file with so many names and so much metadata", path.string()),
        {.expected = fmt::format("a header of at most {} bytes", kMostHeaderBytes),
         .actual = std::to_string(header.size())});
  }
  header.append((kLengthBytes - header.size() % kLengthBytes) % kLengthBytes, ' ');  // data starts aligned
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const auto& [name, tensor] : checkpoint.tensors) {
    file.write({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
  }
  file.commit();
}

std::string to_string(const StoredTensor& tensor) {
  std::string text(tensor.dtype->name);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text + to_string(Shape::of(tensor.sizes));
}

CheckpointReader::CheckpointReader(const std::filesystem::path& path) : path_(path) {
  std::error_code error;
  const std::uint64_t file_bytes = std::filesystem::file_size(path, error);
  file_.open(path, std::ios::binary);
  if (error || !file_)
    throw Error(ErrorCode::io, fmt::format("{} cannot be read: {}", path.string(),
                                           error ? error.message() : "permission denied"));
  std::uint64_t length = 0;
  if (!file_.read(reinterpret_cast<char*>(&length), kLengthBytes))
    throw_bad(path, "it is too short for a safetensors file");
  if (length > kMostHeaderBytes || length > file_bytes - kLengthBytes) {
    throw_bad(path, "it is not a safetensors file, or truncated",
              {.expected = fmt::format("a header of at most {} bytes",
                                       std::min(kMostHeaderBytes, file_bytes - kLengthBytes)),
               .actual = std::to_string(length)});
  }
  std::string text(length, '\0');
  if (!file_.read(text.data(), static_cast<std::streamsize>(length)))
    throw_bad(path, "its header cannot be read");
  const json header = parse_header(path, text);
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata) {
      metadata_ = parse_metadata(path, value);
    } else {
      tensors_.emplace(name, parse_entry(path, name, value));
    }
  }
  data_begin_ = kLengthBytes + length;
  check_layout(path, tensors_, file_bytes - data_begin_);
}

Tensor CheckpointReader::read(std::string_view name, DType dtype) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} has no tensor {}", path_.string(), quoted(std::string(name))));
  const StoredTensor& stored = found->second;
  if (stored.dtype->kind == StoredKind::other) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: tensor {} holds {}, which cannot be read", path_.string(),
                            quoted(found->first), stored.dtype->name));
  }
  Tensor tensor = Tensor::uninitialized(dtype, stored.sizes);
  const std::span<std::byte> bytes(static_cast<std::byte*>(tensor.mutable_data()), tensor.bytes());
  // Numbers that need no conversion are read to their place at once; bytes must be checked before they count
  // as bools.
  const bool as_it_is = &stored_dtype_of(dtype) == stored.dtype && dtype != DType::boolean;
  std::vector<std::byte> packed(as_it_is ? 0 : stored.end - stored.begin);
  const std::span<std::byte> into = as_it_is ? bytes : std::span(packed);
  file_.seekg(static_cast<std::streamoff>(data_begin_ + stored.begin));
  if (!file_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size())))
    throw_bad(path_, fmt::format("tensor {} cannot be read", quoted(found->first)));
  if (as_it_is) return tensor;
  if (const auto problem = convert_numbers(*stored.dtype, packed, dtype, bytes)) {
    throw_bad(
        path_,
        fmt::format("tensor {} holds a number that {} cannot hold", quoted(found->first), name_of(dtype)),
        {.actual = fmt::format("{} as element {}", problem->value, problem->element)});
  }
  return tensor;
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  CheckpointReader reader(path);
  Checkpoint checkpoint{.tensors = {}, .metadata = reader.metadata()};
  for (const auto& [name, stored] : reader.tensors())
    checkpoint.tensors.emplace(name, reader.read(name, stored.dtype->natural));
  return checkpoint;
}

}  // namespace weft
