#include "weft/frontends/data/mnist.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "weft/frontends/data/idx.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::data {
namespace {

using testing_support::expect_error;
using testing_support::TemporaryFolder;
using Path = std::filesystem::path;

constexpr std::array<const char*, 4> kFiles{"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                            "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/// Sets a variable of the environment, or unsets it, until the end of the scope.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* old = ::getenv(name)) old_ = old;
    set(value);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { set(old_); }

 private:
  void set(const std::optional<std::string>& value) const {
    if (value) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  const char* name_;
  std::optional<std::string> old_;
};

Tensor pixels(std::initializer_list<std::int64_t> sizes) {
  Tensor tensor = Tensor::uninitialized(DType::u8, sizes);
  std::uint8_t next = 0;
  for (std::uint8_t& pixel : tensor.mutable_values<std::uint8_t>()) pixel = next++;
  return tensor;
}

class Mnist : public testing::Test {
 protected:
  /// Three training and two test pictures of 2x3 pixels, some files compressed.
  static void write_small(const Path& folder) {
    std::filesystem::create_directories(folder);
    write_idx(pixels({3, 2, 3}), folder / "train-images-idx3-ubyte");
    write_idx(Tensor::of<std::uint8_t>({7, 0, 9}), folder / "train-labels-idx1-ubyte.gz");
    write_idx(pixels({2, 2, 3}), folder / "t10k-images-idx3-ubyte.gz");
    write_idx(Tensor::of<std::uint8_t>({1, 2}), folder / "t10k-labels-idx1-ubyte");
  }
  /// The small set with one file replaced.
  Path with(const char* name, const Tensor& tensor) const {
    write_small(folder_.path());
    std::filesystem::remove(folder_ / (std::string(name) + ".gz"));
    write_idx(tensor, folder_ / name);
    return folder_.path();
  }
  Path cache() const { return folder_ / "home/.cache/weft/mnist"; }

  TemporaryFolder folder_;
  ScopedVariable no_variable_{"WEFT_MNIST", std::nullopt};
  ScopedVariable home_{"HOME", (folder_ / "home").string()};
};

TEST_F(Mnist, ReadsImagesAsRows) {
  write_small(folder_.path());
  const Digits digits = load_digits(folder_.path(), 1);
  EXPECT_TRUE(identical(digits.train.images, pixels({3, 6})));
  EXPECT_TRUE(identical(digits.train.labels, Tensor::of<std::uint8_t>({7, 0, 9})));
  EXPECT_TRUE(identical(digits.test.images, pixels({2, 6})));
  EXPECT_TRUE(identical(digits.test.labels, Tensor::of<std::uint8_t>({1, 2})));
  EXPECT_FALSE(digits.synthetic);
  EXPECT_EQ(digits.source, "MNIST from " + folder_.path().string());
}

TEST_F(Mnist, LooksInTheGivenFolderThenTheVariableThenTheCache) {
  EXPECT_EQ(find_mnist(std::nullopt), std::nullopt);
  write_small(cache());
  EXPECT_EQ(find_mnist(std::nullopt), cache());
  write_small(folder_ / "variable");
  const ScopedVariable set("WEFT_MNIST", (folder_ / "variable").string());
  EXPECT_EQ(find_mnist(std::nullopt), folder_ / "variable");
  write_small(folder_ / "given");
  EXPECT_EQ(find_mnist(folder_ / "given"), folder_ / "given");
}

TEST_F(Mnist, TakesAnEmptyVariableAsNotSet) {
  const ScopedVariable empty("WEFT_MNIST", "");
  EXPECT_EQ(find_mnist(std::nullopt), std::nullopt);
  const ScopedVariable homeless("HOME", std::nullopt);
  EXPECT_EQ(find_mnist(std::nullopt), std::nullopt);
}

TEST_F(Mnist, FindsFilesThatAreSpelledWithADot) {
  write_small(folder_.path());
  for (const char* name : {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"}) {
    std::string dotted = name;
    dotted[dotted.rfind("-idx")] = '.';
    std::filesystem::rename(folder_ / name, folder_ / dotted);
  }
  EXPECT_EQ(read_mnist(folder_.path()).test.images.sizes()[0], 2);
}

TEST_F(Mnist, NamesTheMissingFile) {
  for (const char* name : kFiles) {
    write_small(folder_.path());
    std::filesystem::remove(folder_ / name);
    std::filesystem::remove(folder_ / (std::string(name) + ".gz"));
    expect_error(ErrorCode::io, {folder_.path().string(), name}, [&] { find_mnist(folder_.path()); });
    expect_error(ErrorCode::io, {folder_.path().string(), name}, [&] { load_digits(folder_.path(), 1); });
  }
}

TEST_F(Mnist, DoesNotFallBackFromAFolderThatIsNotComplete) {
  const auto nowhere = folder_ / "nowhere";
  expect_error(ErrorCode::io, {nowhere.string(), kFiles[0]}, [&] { load_digits(nowhere, 1); });
  {
    const ScopedVariable set("WEFT_MNIST", nowhere.string());
    expect_error(ErrorCode::io, {nowhere.string(), kFiles[0]}, [] { load_digits(std::nullopt, 1); });
  }
  std::filesystem::create_directories(cache());
  expect_error(ErrorCode::io, {cache().string(), kFiles[0]}, [] { load_digits(std::nullopt, 1); });
}

TEST_F(Mnist, RejectsALabelAboveNine) {
  const auto folder = with("train-labels-idx1-ubyte", Tensor::of<std::uint8_t>({7, 10, 255}));
  expect_error(ErrorCode::out_of_range, {"train-labels-idx1-ubyte: label 1;", "expected 0 to 9, got 10"},
               [&] { load_digits(folder, 1); });
}

TEST_F(Mnist, RejectsCountsThatDiffer) {
  const auto folder = with("t10k-labels-idx1-ubyte", Tensor::of<std::uint8_t>({1, 2, 3}));
  expect_error(ErrorCode::bad_file, {"t10k-labels-idx1-ubyte", "expected 2 labels, got 3"},
               [&] { load_digits(folder, 1); });
}

TEST_F(Mnist, RejectsTensorsOfAnotherKind) {
  const auto expect_bad = [&](const char* name, const Tensor& tensor, const char* actual) {
    const auto folder = with(name, tensor);
    expect_error(ErrorCode::bad_file, {name, actual}, [&] { load_digits(folder, 1); });
  };
  expect_bad("train-images-idx3-ubyte", Tensor::zeros(DType::f32, {3, 2, 3}), "got f32[3, 2, 3]");
  expect_bad("train-images-idx3-ubyte", pixels({3, 6}), "got u8[3, 6]");
  expect_bad("t10k-images-idx3-ubyte", pixels({2, 0, 3}), "got u8[2, 0, 3]");
  expect_bad("t10k-labels-idx1-ubyte", Tensor::of<std::int32_t>({1, 2}), "got i32[2]");
  expect_bad("t10k-labels-idx1-ubyte", Tensor::of<std::uint8_t>({1, 2}, {2, 1}), "got u8[2, 1]");
  expect_bad("train-labels-idx1-ubyte", Tensor::zeros(DType::u8, {0}), "got u8[0]");
}

TEST_F(Mnist, RejectsTestImagesOfAnotherSize) {
  const auto folder = with("t10k-images-idx3-ubyte", pixels({2, 3, 2}));
  expect_error(ErrorCode::bad_file, {folder.string(), "expected u8[3, 2, 3], got u8[2, 3, 2]"},
               [&] { load_digits(folder, 1); });
}

TEST_F(Mnist, NamesTheFileThatIsBroken) {
  write_small(folder_.path());
  std::filesystem::resize_file(folder_ / "train-images-idx3-ubyte", 20);
  expect_error(ErrorCode::bad_file, {"train-images-idx3-ubyte", "18 bytes of data for u8[3, 2, 3], got 4"},
               [&] { load_digits(folder_.path(), 1); });
}

TEST_F(Mnist, DrawsDigitsWhereThereIsNone) {
  const Digits digits = load_digits(std::nullopt, 1);
  EXPECT_TRUE(digits.synthetic);
  EXPECT_EQ(digits.source, "synthetic digits (drawn by weft, not MNIST)");
  EXPECT_EQ(to_string(digits.train.images.type()), "u8[60000, 784]");
  EXPECT_EQ(to_string(digits.train.labels.type()), "u8[60000]");
  EXPECT_EQ(to_string(digits.test.images.type()), "u8[10000, 784]");
  EXPECT_EQ(to_string(digits.test.labels.type()), "u8[10000]");
  EXPECT_FALSE(identical(digits.train.images.rows(0, 10000), digits.test.images));
}

TEST(RealMnist, HasItsKnownCountsAndLabels) {
#ifdef WEFT_SHARED_DATA
  const Path folder = WEFT_SHARED_DATA;
#else
  const Path folder;
#endif
  if (folder.empty() || !std::filesystem::exists(folder)) GTEST_SKIP() << "MNIST is not on this machine";
  const Digits digits = load_digits(folder, 1);
  EXPECT_FALSE(digits.synthetic);
  EXPECT_EQ(to_string(digits.train.images.type()), "u8[60000, 784]");
  EXPECT_EQ(to_string(digits.test.images.type()), "u8[10000, 784]");
  EXPECT_TRUE(identical(digits.train.labels.rows(0, 5), Tensor::of<std::uint8_t>({5, 0, 4, 1, 9})));
  EXPECT_TRUE(identical(digits.test.labels.rows(0, 5), Tensor::of<std::uint8_t>({7, 2, 1, 0, 4})));
  double sum = 0;
  for (const std::uint8_t pixel : digits.train.images.values<std::uint8_t>()) sum += pixel;
  EXPECT_NEAR(sum / 255 / (60000.0 * 784), 0.1307, 0.0001);
}

}  // namespace
}  // namespace weft::data
