#include "weft/frontends/data/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "weft/frontends/data/byte_source.h"
#include "weft/frontends/data/npy.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"

namespace weft::data {
namespace {

constexpr std::string_view kNpySuffix = ".npy";

/// libzip's number of an error as one of weft.
ErrorCode code_of_zip(int error) {
  switch (error) {
    case ZIP_ER_OPEN:
    case ZIP_ER_READ:
    case ZIP_ER_SEEK:
    case ZIP_ER_NOENT:
      return ErrorCode::io;
    case ZIP_ER_COMPNOTSUPP:
    case ZIP_ER_ENCRNOTSUPP:
    case ZIP_ER_NOPASSWD:
    case ZIP_ER_OPNOTSUPP:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::bad_file;
  }
}

Error zip_problem(const std::string& name, zip_error_t* error) {
  const int number = zip_error_code_zip(error);
  if (number == ZIP_ER_MEMORY) throw std::bad_alloc();
  return Error(code_of_zip(number), name + ": cannot read the zip archive",
               {.expected = "a zip archive, stored or deflated", .actual = zip_error_strerror(error)});
}

struct ZipError {
  explicit ZipError(int number = ZIP_ER_OK) { zip_error_init_with_code(&error, number); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  ~ZipError() { zip_error_fini(&error); }
  zip_error_t error{};
};

struct DiscardZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using ZipHandle = std::unique_ptr<zip_t, DiscardZip>;

struct CloseZipFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

/// A file in an archive. What its entry says of its size is not believed.
class ZipEntry final : public ByteSource {
 public:
  ZipEntry(zip_t* archive, zip_uint64_t index, std::string name)
      : name_(std::move(name)), file_(zip_fopen_index(archive, index, 0)) {
    if (file_ == nullptr) throw zip_problem(name_, zip_get_error(archive));
  }

  std::size_t read(std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const zip_int64_t got = zip_fread(file_.get(), into.data() + done, into.size() - done);
      if (got < 0) throw zip_problem(name_, zip_file_get_error(file_.get()));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  std::optional<std::uint64_t> known_size() const override { return std::nullopt; }

 private:
  std::string name_;
  std::unique_ptr<zip_file_t, CloseZipFile> file_;
};

ZipHandle open_zip(const std::filesystem::path& path) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind != std::filesystem::file_type::regular)
    throw Error(
        ErrorCode::io, path.string() + ": cannot open",
        {.expected = "a readable file", .actual = error ? error.message() : "a folder, pipe or device"});
  int number = 0;
  ZipHandle archive(zip_open(path.c_str(), ZIP_RDONLY, &number));
  if (archive != nullptr) return archive;
  ZipError problem(number);
  throw zip_problem(path.string(), &problem.error);
}

// --- writing ---

struct FreeZipSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using ZipSource = std::unique_ptr<zip_source_t, FreeZipSource>;

/// What libzip reports while it writes to memory.
[[noreturn]] void throw_unwritten(zip_error_t* error) {
  if (zip_error_code_zip(error) == ZIP_ER_MEMORY) throw std::bad_alloc();
  throw Error(ErrorCode::io, fmt::format("the zip archive cannot be made: {}", zip_error_strerror(error)));
}

/// The header and the numbers of an array as one file. They must outlive the archive.
zip_source_t* source_of(zip_t* archive, const std::string& header, const Tensor& numbers) {
  // libzip reads through these pointers and does not write; their type is older than const.
  auto* text = reinterpret_cast<zip_uint8_t*>(
      const_cast<char*>(header.data()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  auto* data = static_cast<zip_uint8_t*>(
      const_cast<void*>(numbers.data()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const std::array fragments{zip_buffer_fragment_t{.data = text, .length = header.size()},
                             zip_buffer_fragment_t{.data = data, .length = numbers.bytes()}};
  return zip_source_buffer_fragment(archive, fragments.data(), fragments.size(), 0);
}

void add_array(zip_t* archive, const std::string& name, zip_source_t* source, NpzCompression compression) {
  const std::string file = name + std::string(kNpySuffix);
  const zip_int64_t index =
      source == nullptr ? -1 : zip_file_add(archive, file.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    throw_unwritten(zip_get_error(archive));
  }
  const auto at = static_cast<zip_uint64_t>(index);
  const auto method = compression == NpzCompression::stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
  constexpr zip_uint16_t kFirstDay =
      (1U << 5U) | 1U;  // 1980-01-01, so that the bytes do not depend on the time
  if (zip_set_file_compression(archive, at, method, 0) != 0 ||
      zip_file_set_dostime(archive, at, 0, kFirstDay, 0) != 0)
    throw_unwritten(zip_get_error(archive));
}

void copy_to(AtomicFile& file, zip_source_t* source) {
  std::vector<std::byte> chunk(std::size_t{1} << 20);
  if (zip_source_open(source) != 0) throw_unwritten(zip_source_error(source));
  while (true) {
    const zip_int64_t got = zip_source_read(source, chunk.data(), chunk.size());
    if (got < 0) throw_unwritten(zip_source_error(source));
    if (got == 0) break;
    file.write(std::span<const std::byte>(chunk).first(static_cast<std::size_t>(got)));
  }
  zip_source_close(source);
}

}  // namespace

struct NpzReader::Archive {
  std::string path;
  ZipHandle zip;
  std::map<std::string, zip_uint64_t, std::less<>> index;
};

NpzReader::NpzReader(const std::filesystem::path& path) : archive_(std::make_unique<Archive>()) {
  archive_->path = path.string();
  archive_->zip = open_zip(path);
  zip_t* const zip = archive_->zip.get();
  const zip_int64_t count = zip_get_num_entries(zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<zip_uint64_t>(i);
    const char* const text = zip_get_name(zip, at, 0);
    if (text == nullptr) throw zip_problem(archive_->path, zip_get_error(zip));
    std::string_view name(text);
    if (!name.ends_with(kNpySuffix)) continue;
    name.remove_suffix(kNpySuffix.size());
    if (!archive_->index.emplace(name, at).second)
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: two arrays are called '{}'", archive_->path, printable(name)));
  }
  for (const auto& [name, unused] : archive_->index) names_.push_back(name);
}

NpzReader::~NpzReader() = default;

Tensor NpzReader::read(std::string_view name) {
  const auto found = archive_->index.find(name);
  if (found == archive_->index.end()) {
    const std::vector<std::string_view> names(names_.begin(), names_.end());
    throw Error(ErrorCode::invalid_argument, fmt::format("{} has no array '{}'{}", archive_->path,
                                                         printable(name), suggestion(name, names)));
  }
  const std::string full = fmt::format("{}:{}", archive_->path, printable(name));
  ZipEntry entry(archive_->zip.get(), found->second, full);
  return read_npy(entry, full);
}

NamedArrays read_npz(const std::filesystem::path& path) {
  NpzReader reader(path);
  NamedArrays arrays;
  for (const std::string& name : reader.names()) arrays.emplace(name, reader.read(name));
  return arrays;
}

void write_npz(const NamedArrays& arrays, const std::filesystem::path& path, NpzCompression compression) {
  if (arrays.empty()) throw Error(ErrorCode::invalid_argument, "an archive needs at least one array");
  std::vector<std::pair<std::string, Tensor>> files;  // headers and numbers
  for (const auto& [name, tensor] : arrays) {
    if (name.empty() || name.find('\0') != std::string::npos)
      throw Error(ErrorCode::invalid_argument, "a name that no array of an archive can have",
                  {.expected = "a text without zero bytes", .actual = fmt::format("'{}'", printable(name))});
    const Tensor numbers = for_numpy(tensor);
    files.emplace_back(npy_header(numbers), numbers);
  }
  AtomicFile file(path);
  ZipError problem;
  const ZipSource memory(zip_source_buffer_create(nullptr, 0, 0, &problem.error));
  if (memory == nullptr) throw_unwritten(&problem.error);
  zip_source_keep(memory.get());  // the archive frees one of the two
  ZipHandle archive(zip_open_from_source(memory.get(), ZIP_TRUNCATE, &problem.error));
  if (archive == nullptr) {
    zip_source_free(memory.get());
    throw_unwritten(&problem.error);
  }
  auto next = files.begin();
  for (const auto& [name, unused] : arrays) {
    add_array(archive.get(), name, source_of(archive.get(), next->first, next->second), compression);
    ++next;
  }
  if (zip_close(archive.get()) != 0) throw_unwritten(zip_get_error(archive.get()));
  static_cast<void>(archive.release());  // it was closed
  copy_to(file, memory.get());
  file.commit();
}

}  // namespace weft::data
