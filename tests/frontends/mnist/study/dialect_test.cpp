#include "weft/frontends/mnist/study/dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/mnist/study/run.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::mnist {
namespace {

using ::testing::ElementsAre;
using testing_support::expect_error;
using testing_support::TemporaryFolder;

const std::string kGood =
    "title = \"Mine\"\n"         // line 1
    "[initializer]\n"            // 2
    "weights = \"he_normal\"\n"  // 3
    "[input]\n"                  // 4
    "divide_by = 256\n"          // 5
    "[training]\n"               // 6
    "batch = 32\n"               // 7
    "dropout = 0.2\n"            // 8
    "[optimizer]\n"              // 9
    "method = \"momentum\"\n"    // 10
    "rate = 0.05\n"              // 11
    "momentum = 0.8\n"           // 12
    "schedule = \"inverse\"\n"   // 13
    "gamma = 0.1\n";             // 14

class DialectFile : public ::testing::Test {
 protected:
  Dialect read(const std::string& text) const {
    std::ofstream(folder_ / "mine.toml") << text;
    return read_dialect(folder_ / "mine.toml");
  }
  Dialect read_changed(const std::string& from, const std::string& to) const {
    std::string text = kGood;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return read(text.replace(at, from.size(), to));
  }

  TemporaryFolder folder_;
};

TEST_F(DialectFile, SaysHowToTrain) {
  const Dialect dialect = read(kGood);
  EXPECT_EQ(dialect.name, "mine");
  EXPECT_EQ(dialect.title, "Mine");
  EXPECT_EQ(dialect.initializer, (InitializerConfig{.weights = "he_normal", .biases = "zeros"}));
  EXPECT_EQ(dialect.input, (InputConfig{.standardize = false, .divide_by = 256.0}));
  EXPECT_EQ(dialect.batch, 32);
  EXPECT_EQ(dialect.dropout, 0.2);
  EXPECT_EQ(dialect.optimizer.momentum, 0.8);
  EXPECT_EQ(dialect.optimizer.rate(), 0.05);
  EXPECT_EQ(dialect.optimizer.schedule, (ScheduleConfig{.kind = "inverse", .gamma = 0.1}));
}

TEST_F(DialectFile, NamesTheLineOfAKeyThatIsUnknown) {
  expect_error(ErrorCode::bad_file, {"mine.toml:8", "unknown key 'dropuot' in [training]", "dropout"},
               [&] { read_changed("dropout", "dropuot"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:1", "'titel'"}, [&] { read_changed("title", "titel"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:9", "'optimiser'"}, [&] {
    read(kGood.substr(0, kGood.find("[optimizer]")) + "[optimiser]\n[optimizer]\nmethod = \"sgd\"\nrate = 1");
  });
  // Momentum means nothing to plain SGD.
  expect_error(ErrorCode::bad_file, {"mine.toml:12", "'momentum'"},
               [&] { read_changed("\"momentum\"", "\"sgd\""); });
}

TEST_F(DialectFile, NamesTheLineOfAValueThatIsImpossible) {
  expect_error(ErrorCode::bad_file, {"mine.toml:3", "unknown initializer 'magic'; there are glorot_uniform"},
               [&] { read_changed("he_normal", "magic"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:5", "(0, ", "got 0"}, [&] { read_changed("256", "0"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:7", "whole number", "0"}, [&] { read_changed("32", "0"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:7", "whole number", "1.5"},
               [&] { read_changed("32", "1.5"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:8", "[0, 1)", "got 1"}, [&] { read_changed("0.2", "1"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:11", "-0.05"}, [&] { read_changed("0.05", "-0.05"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:11", "nan"}, [&] { read_changed("0.05", "nan"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:10", "unknown optimizer 'tiger'; there are sgd, momentum"},
               [&] { read_changed("\"momentum\"", "\"tiger\""); });
  expect_error(ErrorCode::bad_file, {"mine.toml:1", "text"}, [&] { read_changed("\"Mine\"", "7"); });
  expect_error(ErrorCode::bad_file, {"mine.toml:9", "'method' is missing"},
               [&] { read_changed("method = \"momentum\"", ""); });
}

TEST_F(DialectFile, TellsWhatIsThereInPlaceOfWhatIsMissing) {
  expect_error(ErrorCode::bad_file,
               {"mine.toml:9", "'method' is missing in [optimizer]", "got gamma, metod, momentum"},
               [&] { read_changed("method", "metod"); });
  expect_error(ErrorCode::bad_file, {"mine.toml", "a table [optimizer]", "got initializer, input, optimiser"},
               [&] { read_changed("[optimizer]", "[optimiser]"); });
  expect_error(ErrorCode::bad_file, {"mine.toml", "[training] is missing", "got initializer"},
               [&] { read("[initializer]\nweights = \"ones\"\n"); });
}

TEST_F(DialectFile, NamesTheLineWhereItIsNoToml) {
  expect_error(ErrorCode::bad_file, {"mine.toml:4"}, [&] { read_changed("[input]", "[input"); });
  expect_error(ErrorCode::io, {"none.toml"}, [&] { read_dialect(folder_ / "none.toml"); });
}

TEST(Dialects, ThatComeWithWeftAreThoseOfThePaperAndItsOwn) {
  std::vector<std::string> names;
  std::set<std::string> recipes;
  for (const Dialect& dialect : read_dialects(WEFT_DIALECTS)) {
    names.push_back(dialect.name);
    recipes.insert(recipe_of(dialect));
  }
  EXPECT_THAT(names, ElementsAre("caffe", "deeplearning4j", "tensorflow", "theano-keras", "torch", "weft"));
  EXPECT_EQ(recipes.size(), names.size());
}

TEST(Dialects, ThatComeWithWeftAllLearn) {
  const data::Digits digits{.train = data::synthetic_digits(600, 1, 0),
                            .test = data::synthetic_digits(200, 1, 1),
                            .synthetic = true,
                            .source = "synthetic"};
  const StudyData data = study_data(digits, 0);
  const Configuration network{.name = "small", .series = Series::depth, .layers = {16}, .activation = "relu"};
  for (const Dialect& dialect : read_dialects(WEFT_DIALECTS)) {
    const Measured measured = Trainer(dialect, network, data, {.epochs = 6}).train();
    EXPECT_LT(measured.losses.back(), 0.9 * measured.losses.front()) << dialect.name;
    EXPECT_EQ(measured.accuracies.back(), measured.accuracy) << dialect.name;
    EXPECT_EQ(measured.plan_hash.size(), 16U);
    ASSERT_EQ(measured.at_start.size(), 2U);
    EXPECT_GT(measured.at_end[0].weight_gradient, 0.0);
  }
}

}  // namespace
}  // namespace weft::mnist
