#include "weft/runtime/files/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
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
constexpr int kMostDepth = 2;                            // of the lists within an entry within the header
constexpr std::string_view kMetadata = "__metadata__";

struct StoredName {
  DType dtype;
  std::string_view name;
};
constexpr std::array kStoredNames{
    StoredName{DType::f32, "F32"}, StoredName{DType::f64, "F64"}, StoredName{DType::i32, "I32"},
    StoredName{DType::i64, "I64"}, StoredName{DType::u8, "U8"},   StoredName{DType::boolean, "BOOL"},
};

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
    const auto stored = std::ranges::find(kStoredNames, tensor.dtype(), &StoredName::dtype);
    header[name] = {{"dtype", stored->name},
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

/// Parses the header, which neither nests deeper than the format nor says anything twice.
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
  if (!header.is_object()) throw_bad(path, "its header is no JSON object");
  return header;
}

/// A text from a file as it may stand in a message: quoted, on one line.
std::string quoted(const std::string& text) { return json(text).dump(); }

/// One tensor's entry in the header, checked against itself.
struct Entry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> sizes;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Entry parse_entry(const std::filesystem::path& path, const std::string& name, const json& text) {
  Entry entry{.name = name, .sizes = {}};
  try {
    const auto& stored_name = text.at("dtype").get_ref<const std::string&>();
    const auto stored = std::ranges::find(kStoredNames, stored_name, &StoredName::name);
    if (stored == kStoredNames.end())
      throw_bad(path, fmt::format("tensor {} has the unknown dtype {}", quoted(name), quoted(stored_name)));
    entry.dtype = stored->dtype;
    const json& shape = text.at("shape");
    if (!shape.is_array())
      throw_bad(path, fmt::format("tensor {} has a shape that is no list", quoted(name)));
    for (const json& size : shape) {
      if (!size.is_number_unsigned())
        throw_bad(path, fmt::format("tensor {} has a size that is no natural number", quoted(name)));
      const auto number = size.get<std::uint64_t>();
      if (!std::in_range<std::int64_t>(number))
        throw_bad(path, fmt::format("tensor {} has a size of {}", quoted(name), number));
      entry.sizes.push_back(static_cast<std::int64_t>(number));
    }
    const json& offsets = text.at("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets.at(0).is_number_unsigned() ||
        !offsets.at(1).is_number_unsigned()) {
      throw_bad(path, fmt::format("tensor {} has bad offsets", quoted(name)));
    }
    entry.begin = offsets.at(0).get<std::uint64_t>();
    entry.end = offsets.at(1).get<std::uint64_t>();
  } catch (const json::exception& error) {
    throw_bad(path, fmt::format("the entry of tensor {} cannot be read ({})", quoted(name), error.what()));
  }
  std::size_t bytes = 0;
  try {
    bytes = checked_bytes(entry.sizes, entry.dtype);
  } catch (const Error& error) {
    throw_bad(path, fmt::format("tensor {}: {}", quoted(name), error.message()));
  }
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    throw_bad(path, fmt::format("tensor {} lies about its size", quoted(name)),
              {.expected = fmt::format("{} bytes", bytes),
               .actual = fmt::format("offsets {} to {}", entry.begin, entry.end)});
  }
  return entry;
}

/// The entries must fill the data without gap or overlap, as the format demands.
void check_layout(const std::filesystem::path& path, std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::ranges::sort(entries, {}, &Entry::begin);
  std::uint64_t offset = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != offset)
      throw_bad(path, fmt::format("tensor {} overlaps another or leaves a gap", quoted(entry.name)));
    offset = entry.end;
  }
  if (offset != data_bytes) {
    throw_bad(path, offset > data_bytes ? "the file is truncated" : "the file is longer than its header says",
              {.expected = fmt::format("{} bytes of data", offset), .actual = std::to_string(data_bytes)});
  }
}

std::map<std::string, std::string> parse_metadata(const std::filesystem::path& path, const json& text) {
  std::map<std::string, std::string> metadata;
  if (!text.is_object()) throw_bad(path, "its metadata is no object");
  for (const auto& [key, value] : text.items()) {
    if (!value.is_string()) throw_bad(path, fmt::format("its metadata {} is no text", quoted(key)));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  std::string header = dump(header_of(checkpoint));
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

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  std::error_code error;
  const std::uint64_t file_bytes = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file)
    throw Error(ErrorCode::io, fmt::format("{} cannot be read: {}", path.string(),
                                           error ? error.message() : "permission denied"));
  std::uint64_t length = 0;
  if (!file.read(reinterpret_cast<char*>(&length), kLengthBytes))
    throw_bad(path, "it is too short for a safetensors file");
  if (length > kMostHeaderBytes || length > file_bytes - kLengthBytes) {
    throw_bad(path, "it is no safetensors file, or truncated",
              {.expected = fmt::format("a header of at most {} bytes",
                                       std::min(kMostHeaderBytes, file_bytes - kLengthBytes)),
               .actual = std::to_string(length)});
  }
  std::string text(length, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(length)))
    throw_bad(path, "its header cannot be read");
  const json header = parse_header(path, text);

  Checkpoint checkpoint;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata) {
      checkpoint.metadata = parse_metadata(path, value);
    } else {
      entries.push_back(parse_entry(path, name, value));
    }
  }
  check_layout(path, entries, file_bytes - kLengthBytes - length);
  for (const Entry& entry : entries) {
    Tensor tensor = Tensor::uninitialized(entry.dtype, entry.sizes);
    if (!file.read(static_cast<char*>(tensor.mutable_data()), static_cast<std::streamsize>(tensor.bytes()))) {
      throw_bad(path, fmt::format("tensor {} cannot be read", quoted(entry.name)));
    }
    checkpoint.tensors.emplace(entry.name, std::move(tensor));
  }
  return checkpoint;
}

}  // namespace weft
