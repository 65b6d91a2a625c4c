#include "weft/frontends/data/mnist.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::data {
namespace {

namespace fs = std::filesystem;

struct Names {
  std::string_view images;
  std::string_view labels;
};
constexpr Names kTrain{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
constexpr Names kTest{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/// The plain file, or else the compressed one; throws Error(io) if neither exists. Some archives write a dot
/// for the second dash: "train-images.idx3-ubyte".
fs::path file_in(const fs::path& directory, std::string_view name) {
  std::string dotted(name);
  dotted[dotted.rfind("-idx")] = '.';
  std::error_code ignored;  // a file that cannot be accessed counts as missing
  for (const char* const ending : {"", ".gz"}) {
    for (const std::string& spelling : {std::string(name), dotted}) {
      fs::path file = directory / (spelling + ending);
      if (fs::is_regular_file(file, ignored)) return file;
    }
  }
  throw Error(ErrorCode::io, fmt::format("{}: MNIST is not complete", directory.string()),
              {.expected = fmt::format("{0} or {0}.gz", name), .actual = "neither"});
}

fs::path expect_complete(fs::path directory) {
  for (const std::string_view name : {kTrain.images, kTrain.labels, kTest.images, kTest.labels}) {
    file_in(directory, name);
  }
  return directory;
}

/// A variable of the environment; empty counts as not set.
std::optional<fs::path> path_from_environment(const char* variable) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): the header forbids writers
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

void check_type(const Tensor& tensor, std::size_t rank, const char* expected, const fs::path& file) {
  if (tensor.dtype() == DType::u8 && tensor.rank() == rank && tensor.elements() > 0) return;
  throw Error(ErrorCode::bad_file, file.string() + ": not a file of MNIST's kind",
              {.expected = expected, .actual = to_string(tensor.type())});
}

void check_labels(const Tensor& labels, const fs::path& file) {
  const auto values = labels.values<std::uint8_t>();
  const auto wrong = std::ranges::find_if(values, [](std::uint8_t label) { return label >= kDigitClasses; });
  if (wrong == values.end()) return;
  throw Error(ErrorCode::out_of_range, fmt::format("{}: label {}", file.string(), wrong - values.begin()),
              {.expected = fmt::format("0 to {}", kDigitClasses - 1), .actual = fmt::format("{}", *wrong)});
}

struct Pictures {
  Tensor images;  // u8 [n, height, width]
  Tensor labels;
};

Pictures read_pictures(const fs::path& directory, const Names& names) {
  const fs::path images_file = file_in(directory, names.images);
  const fs::path labels_file = file_in(directory, names.labels);
  Tensor labels = read_idx(labels_file);
  check_type(labels, 1, "u8[n] with n > 0", labels_file);
  check_labels(labels, labels_file);
  Tensor images = read_idx(images_file);
  check_type(images, 3, "u8[n, height, width] with all sizes > 0", images_file);
  if (images.sizes()[0] != labels.sizes()[0]) {
    throw Error(
        ErrorCode::bad_file,
        fmt::format("{}: another count than {}", labels_file.string(), images_file.filename().string()),
        {.expected = fmt::format("{} labels", images.sizes()[0]),
         .actual = fmt::format("{}", labels.sizes()[0])});
  }
  return {.images = std::move(images), .labels = std::move(labels)};
}

Dataset flattened(const Pictures& pictures) {
  const auto sizes = pictures.images.sizes();
  const std::array<std::int64_t, 2> flat{sizes[0], sizes[1] * sizes[2]};
  return {.images = pictures.images.reshaped(flat), .labels = pictures.labels};
}

}  // namespace

std::optional<fs::path> find_mnist(const std::optional<fs::path>& explicit_dir) {
  if (explicit_dir) return expect_complete(*explicit_dir);
  if (auto set = path_from_environment("WEFT_MNIST")) return expect_complete(std::move(*set));
  const auto home = path_from_environment("HOME");
  if (!home) return std::nullopt;
  fs::path cache = *home / ".cache" / "weft" / "mnist";
  std::error_code ignored;
  if (!fs::exists(cache, ignored)) return std::nullopt;
  return expect_complete(std::move(cache));
}

Digits read_mnist(const fs::path& directory) {
  const Pictures train = read_pictures(directory, kTrain);
  const Pictures test = read_pictures(directory, kTest);
  if (!std::ranges::equal(train.images.sizes().subspan(1), test.images.sizes().subspan(1))) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: training and test images differ in size", directory.string()),
                {.expected = to_string(train.images.type()), .actual = to_string(test.images.type())});
  }
  return {.train = flattened(train),
          .test = flattened(test),
          .synthetic = false,
          .source = fmt::format("MNIST from {}", printable(directory.string()))};
}

Digits load_digits(const std::optional<fs::path>& explicit_dir, std::uint64_t seed) {
  if (const auto directory = find_mnist(explicit_dir)) return read_mnist(*directory);
  return {.train = synthetic_digits(kSyntheticTrain, seed, 0),
          .test = synthetic_digits(kSyntheticTest, seed, 1),
          .synthetic = true,
          .source = "synthetic digits (drawn by weft, not MNIST)"};
}

}  // namespace weft::data
