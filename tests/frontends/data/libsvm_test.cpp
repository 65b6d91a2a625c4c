#include "weft/frontends/data/libsvm.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/data/gzip_writer.h"
#include "weft/runtime/files/file_system.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::data {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TemporaryFolder;
using testing_support::write_bytes;
using Numbers = std::vector<double>;

class Libsvm : public testing::Test {
 protected:
  SparseDataset read(std::string_view text, const LibsvmOptions& options = {}) const {
    write_bytes(file_, std::vector<unsigned char>(text.begin(), text.end()));
    return read_libsvm(file_, options);
  }
  void expect_bad(std::string_view text, std::string_view at, std::initializer_list<std::string_view> parts,
                  const LibsvmOptions& options = {}) const {
    SCOPED_TRACE(std::string(text));
    const std::string place = file_.string() + ":" + std::string(at) + ": ";
    expect_error(ErrorCode::bad_file, {place, "expected ", "got "}, [&] { read(text, options); });
    expect_error(ErrorCode::bad_file, parts, [&] { read(text, options); });
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "data.svm";
};

TEST_F(Libsvm, ReadsLabelsAndEntries) {
  const SparseDataset data = read("+1 1:0.5 4:-2\n-1 2:1e1\n3.5\n");
  EXPECT_EQ(numbers(data.labels), (Numbers{1, -1, 3.5}));
  EXPECT_EQ(data.rows.sizes(), (std::array<std::int64_t, 2>{3, 4}));
  EXPECT_EQ(data.rows.dtype(), f32);
  EXPECT_EQ(numbers(data.rows.to_dense()), (Numbers{0.5, 0, 0, -2, 0, 10, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(numbers(read("0 1:0.1", {.dtype = f64}).rows.to_dense()), Numbers{0.1});
}

TEST_F(Libsvm, TakesCommentsEmptyLinesBlanksAndCrlf) {
  const SparseDataset data = read("# first\r\n\r\n  1\t1:2  3:4 \r\n0 # none 1:x\n\n#\n2 2:5#6:7\n   ");
  EXPECT_EQ(numbers(data.labels), (Numbers{1, 0, 2}));
  EXPECT_EQ(numbers(data.rows.to_dense()), (Numbers{2, 0, 4, 0, 0, 0, 0, 5, 0}));
}

TEST_F(Libsvm, NeedsNoNewlineAtTheEnd) {
  EXPECT_EQ(numbers(read("1 2:3").rows.to_dense()), (Numbers{0, 3}));
  EXPECT_EQ(numbers(read("1").labels), Numbers{1});
  EXPECT_EQ(read("").rows.sizes(), (std::array<std::int64_t, 2>{0, 0}));
  EXPECT_EQ(read("# nothing").rows.sizes(), (std::array<std::int64_t, 2>{0, 0}));
}

TEST_F(Libsvm, TakesTheWidthThatItIsTold) {
  EXPECT_EQ(read("1 2:3", {.width = 7}).rows.sizes()[1], 7);
  expect_bad("1 2:3 8:1", "1:7", {"a wrong index", "from 3 to 7", "got 8"}, {.width = 7});
}

TEST_F(Libsvm, ReadsFilesLongerThanItsBuffer) {
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += std::to_string(i) + " 1:" + std::to_string(i) + " 9:1\r\n";
  const SparseDataset data = read(text);
  EXPECT_EQ(data.labels.elements(), 30'000);
  EXPECT_EQ(data.rows.entries(), 60'000);
  EXPECT_EQ(data.rows.values().values<float>()[59'998], 29'999.0F);
  expect_bad(text + "1 1:1 2", "30001:7", {"not an entry", "index:value", "got 2"});
}

TEST_F(Libsvm, NamesLineAndColumnOfWhatItCannotTake) {
  expect_bad("1 1:1\nx 1:1\n", "2:1", {"a label is not a finite number", "got x"});
  expect_bad("1:1 2:1\n", "1:1", {"a label is not a finite number", "got 1:1"});
  expect_bad("1,2 2:1\n", "1:1", {"got 1,2"});
  expect_bad("1 1:1  7\n", "1:8", {"not an entry", "index:value", "got 7"});
  expect_bad("1 1:\n", "1:5", {"a value is not a finite number"});
  expect_bad("1 :1\n", "1:3", {"a wrong index"});
  expect_bad("1 1:2:3\n", "1:5", {"a value is not a finite number", "got 2:3"});
  expect_bad("\n\n1 1:0x3\n", "3:5", {"got 0x3"});
  expect_bad("+-1 1:1\n", "1:1", {"got +-1"});
  expect_bad("+ 1:1\n", "1:1", {"got +"});
}

TEST_F(Libsvm, TakesAFileThatCountsFromZeroForWhatItIs) {
  const SparseDataset data = read("1 0:5 2:7\n2 1:3\n");
  EXPECT_EQ(data.rows.sizes(), (std::array<std::int64_t, 2>{2, 3}));
  EXPECT_EQ(numbers(data.rows.to_dense()), (Numbers{5, 0, 7, 0, 3, 0}));
  EXPECT_EQ(numbers(read("1 1:5\n", {.first_index = FirstIndex::zero}).rows.to_dense()), (Numbers{0, 5}));
  EXPECT_EQ(read("1 0:5 6:1\n", {.width = 7}).rows.sizes()[1], 7);
  expect_bad("1 7:5\n2 0:1\n", "1:3", {"a wrong index", "at most 6", "got 7"}, {.width = 7});
  expect_bad("1 7:5\n", "1:3", {"a wrong index", "from 0 to 6"},
             {.width = 7, .first_index = FirstIndex::zero});
  expect_bad("1 2147483647:5\n2 0:1\n", "1:3", {"a wrong index", "at most 2147483646"});
}

TEST_F(Libsvm, KeepsTheQueriesOfDataForRanking) {
  const SparseDataset data = read("3 qid:1 1:0.5\n2 qid:1 2:1 # b\n1 qid:7\n");
  EXPECT_TRUE(identical(data.queries, Tensor::of<std::int64_t>({1, 1, 7})));
  EXPECT_EQ(numbers(data.rows.to_dense()), (Numbers{0.5, 0, 0, 1, 0, 0}));
  EXPECT_TRUE(read("1 1:1\n").queries.empty());
  expect_bad("1 qid:3 1:2\n2 1:2\n", "2:3", {"a query", "qid:number", "got 1:2"});
  expect_bad("1 1:2\n2 qid:3 1:2\n", "2:3", {"a query", "index:value", "got qid:3"});
  expect_bad("1 qid:3\n2\n", "2:2", {"a query", "the end of the row"});
  expect_bad("1 qid:x 1:2\n", "1:3", {"a query is not an integer", "got qid:x"});
  expect_bad("1 1:2 qid:3\n", "1:7", {"a wrong index", "got qid"});
}

TEST_F(Libsvm, TakesAByteOrderMarkAndNumbersTooSmallForAnyFloat) {
  const SparseDataset data = read("\xEF\xBB\xBF+1 1:1e-400 2:-1e-400 3:1e-50 4:.5\n");
  EXPECT_EQ(numbers(data.labels), Numbers{1});
  EXPECT_EQ(numbers(data.rows.to_dense()), (Numbers{0, 0, 0, 0.5}));
  EXPECT_EQ(numbers(read("1 1:0." + std::string(400, '0') + "1\n").rows.to_dense()), Numbers{0});
}

TEST_F(Libsvm, RefusesIndicesThatDoNotAscend) {
  expect_bad("1 0:1\n", "1:3", {"a wrong index", "from 1 to 2147483647", "got 0"},
             {.first_index = FirstIndex::one});
  expect_bad("1 0:1 0:2\n", "1:7", {"an index comes twice", "from 1", "got 0"});
  expect_bad("1 -3:1\n", "1:3", {"a wrong index", "got -3"});
  expect_bad("1 5:1 5:2\n", "1:7", {"an index comes twice", "from 6", "got 5"});
  expect_bad("1 5:1 4:2\n", "1:7", {"a wrong index", "from 6", "got 4"});
  expect_bad("1 2147483648:1\n", "1:3", {"a wrong index", "got 2147483648"});
  expect_bad("1 99999999999999999999999:1\n", "1:3", {"a wrong index"});
  expect_bad("1 1.5:1\n", "1:3", {"a wrong index", "got 1.5"});
  EXPECT_EQ(read("1 2147483647:1\n").rows.sizes()[1], 2'147'483'647);
}

TEST_F(Libsvm, RefusesNumbersThatAreNotFinite) {
  for (const char* number : {"nan", "inf", "-inf", "infinity", "NaN", "1e999", "-1e999"}) {
    expect_bad("1 1:" + std::string(number), "1:5", {"a value is not a finite number"});
    expect_bad(number, "1:1", {"a label is not a finite number"});
  }
  expect_bad("1 1:1e300", "1:5", {"a value is too large", "f32"});
  EXPECT_EQ(read("1 1:1e300", {.dtype = f64}).rows.entries(), 1);
}

TEST_F(Libsvm, KeepsToItsLimits) {
  const std::string text = "1 1:1 2:1\n2 1:1\n";
  EXPECT_EQ(read(text, {.most_rows = 2, .most_entries = 3, .largest_index = 2}).rows.entries(), 3);
  expect_bad(text, "2:1", {"too many rows", "at most 1"}, {.most_rows = 1});
  expect_bad(text, "2:3", {"too many entries", "at most 2"}, {.most_entries = 2});
  expect_bad(text, "1:7", {"a wrong index", "from 2 to 1"}, {.largest_index = 1});
  expect_error(ErrorCode::invalid_argument, {"f32 or f64", "u8"}, [&] { read(text, {.dtype = u8}); });
  expect_error(ErrorCode::invalid_argument, {"2147483648"},
               [&] { read(text, {.width = std::int64_t{1} << 31}); });
  expect_error(ErrorCode::invalid_argument, {"-1"}, [&] { read(text, {.largest_index = -1}); });
}

TEST_F(Libsvm, ShowsNoMoreOfAHostileWordThanPeopleCanRead) {
  expect_bad("1 " + std::string(100'000, 'a'), "1:3", {"a word is too long", "at most 512 bytes", "aaa..."});
  expect_bad(std::string("1 \x01\xff\x1b[2J\0", 9), "1:3", {"not an entry", "got ???[2J?"});
}

TEST_F(Libsvm, ReadsGzipAndSaysWhereItBreaks) {
  AtomicFile file(folder_ / "data.gz");
  GzipWriter writer(file);
  const std::string_view text = "1 2:3\n4 1:5\n";
  writer.write(std::as_bytes(std::span(text)));
  writer.finish();
  file.commit();
  EXPECT_EQ(numbers(read_libsvm(folder_ / "data.gz").rows.to_dense()), (Numbers{0, 3, 5, 0}));
  auto bytes = testing_support::read_bytes(folder_ / "data.gz");
  bytes.resize(bytes.size() - 5);
  write_bytes(file_, bytes);
  expect_error(ErrorCode::bad_file, {"data.svm"}, [&] { read_libsvm(file_); });
}

TEST_F(Libsvm, NamesACompressionThatItDoesNotRead) {
  write_bytes(file_, std::vector<unsigned char>{'B', 'Z', 'h', '9', 1, 2});
  expect_error(ErrorCode::unsupported, {"data.svm", "gzip", "got bzip2"}, [&] { read_libsvm(file_); });
  write_bytes(file_, std::vector<unsigned char>{0xFD, '7', 'z', 'X', 'Z', 0, 1});
  expect_error(ErrorCode::unsupported, {"got xz"}, [&] { read_libsvm(file_); });
}

TEST_F(Libsvm, SaysThatAFileIsMissing) {
  expect_error(ErrorCode::io, {"absent"}, [&] { read_libsvm(folder_ / "absent"); });
  expect_error(ErrorCode::io, {"a regular file"}, [&] { read_libsvm(folder_ / "."); });
}

TEST_F(Libsvm, GivesAMatrixOrAnErrorForWhateverItReads) {
  PhiloxSequence random(testing_support::test_seed(), 11);
  const std::string good = "+1 1:0.5 4:-2 17:3e2 # words\r\n-1 2:10\n\n0.25 3:1 4:1 5:1\n";
  constexpr std::string_view kBytes = "0123456789:.+-eE# \t\r\nnaif\0\xff";
  int taken = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = good;
    for (std::uint32_t changes = 1 + random.below(4); changes > 0; --changes) {
      const std::size_t at = random.below(static_cast<std::uint32_t>(text.size()));
      const char byte = kBytes[random.below(static_cast<std::uint32_t>(kBytes.size()))];
      switch (random.below(3)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1 + random.below(3));
      }
    }
    try {
      const SparseDataset data = read(text, {.largest_index = 1000});
      ASSERT_EQ(data.rows.sizes()[0], data.labels.elements());
      ASSERT_LE(data.rows.sizes()[1], 1000);
      ++taken;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::bad_file) << error.what();
    }
  }
  EXPECT_GT(taken, 100);
}

TEST(ClassNumbers, AreThePlacesOfLabelsAmongTheClasses) {
  const Tensor labels = Tensor::of<double>({1, -1, 4, -1});
  const std::vector<double> classes = distinct_labels(labels);
  EXPECT_EQ(classes, (std::vector<double>{-1, 1, 4}));
  EXPECT_EQ(numbers(class_numbers(labels, classes)), (Numbers{1, 0, 2, 0}));
  expect_error(ErrorCode::out_of_range, {"not a class", "one of 3", "got 2"},
               [&] { class_numbers(Tensor::of<double>({2}), classes); });
}

}  // namespace
}  // namespace weft::data
