#include "weft/frontends/data/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::expect_error;
using testing_support::TemporaryFolder;
using testing_support::write_bytes;

class CsvReader : public testing::Test {
 protected:
  CsvTable read(const std::string& text) const {
    write_bytes(folder_ / "file.csv", std::vector<unsigned char>(text.begin(), text.end()));
    return read_csv(folder_ / "file.csv");
  }
  void expect_bad(std::initializer_list<std::string_view> parts, const std::string& text) const {
    expect_error(ErrorCode::bad_file, parts, [&] { read(text); });
  }
  TemporaryFolder folder_;
};

TEST_F(CsvReader, ReadsNumbersWithAndWithoutNames) {
  const CsvTable named = read(
      "\xEF\xBB\xBF"
      "height, \"a \"\"b\"\", c\" ,label\r\n1,2.5,-3e2\r\n\r\n+4, 5 ,\"6\"");
  EXPECT_THAT(named.names, ElementsAre("height", "a \"b\", c", "label"));
  EXPECT_TRUE(identical(named.values, Tensor::of<double>({1, 2.5, -300, 4, 5, 6}, {2, 3})));
  const CsvTable plain = read("1,2\n3,4\n");
  EXPECT_THAT(plain.names, IsEmpty());
  EXPECT_TRUE(identical(plain.values, Tensor::of<double>({1, 2, 3, 4}, {2, 2})));
}

TEST_F(CsvReader, FindsColumnsByNameAndNumber) {
  const CsvTable table = read("x,y\n1,2\n");
  EXPECT_EQ(table.column("y"), 1);
  EXPECT_EQ(table.column("0"), 0);
  expect_error(ErrorCode::invalid_argument, {"no column 'yy'", "did you mean 'y'", "0 to 1"},
               [&] { static_cast<void>(table.column("yy")); });
  expect_error(ErrorCode::invalid_argument, {"'2'"}, [&] { static_cast<void>(table.column("2")); });
}

TEST_F(CsvReader, NamesTheLineOfWhatItRefuses) {
  expect_bad({"file.csv:2", "field 2 is no number", "nothing"}, "1,2\n3,\n");
  expect_bad({"file.csv:1", "field 2 is no number", "'b'"}, "1,b\n3,4\n");
  expect_bad({"file.csv:2", "a finite number", "'nan'"}, "1\nnan\n");
  expect_bad({"file.csv:2", "'1e999'"}, "1\n1e999\n");
  expect_bad({"file.csv:3", "another length", "2 fields", "got 3"}, "a,b\n1,2\n1,2,3\n");
  expect_bad({"file.csv:2", "a quote does not end"}, "1\n\"2\n");
  expect_bad({"file.csv:1", "text after a quote", "'x,3'"}, "\"2\"x,3\n");
  expect_bad({"without rows"}, "a,b\n");
  expect_bad({"without rows"}, "");
}

TEST_F(CsvReader, BoundsTheLengthOfALine) {
  expect_bad({"file.csv:2", "a line is too long"}, "1\n" + std::string((std::size_t{1} << 24) + 2, '1'));
}

}  // namespace
}  // namespace weft::data
