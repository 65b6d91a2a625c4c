#include "weft/graph/text.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "weft/graph/error.h"
#include "weft/graph/print.h"
#include "weft/ops/source.h"
#include "weft/tests/support/hostile_names.h"

namespace weft {
namespace {

using testing_support::hostile_names;

bool has_control_character(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20U || c == 0x7fU) return true;
    if (c == 0xc2U && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0U) return true;
  }
  return false;
}

TEST(Text, ShowsControlCharactersAsEscapes) {
  EXPECT_EQ(printable("a\nb\tc\rd\x1b[31m\x7f"), "a\\nb\\tc\\rd\\x1b[31m\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x85 \u202e"), "\\u0085 \\u202e");
}

TEST(Text, ShowsBytesThatAreNotUtf8AsEscapes) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // cut off
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // an overlong slash
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Text, KeepsWhatPeopleRead) {
  for (const char* const text :
       {"", "layer1/weights", "\u65e5\u672c\u8a9e", "\u00fc \U0001f600", "a\\b 'c' \"d\""}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Text, ShortensByCharactersAndNotByBytes) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "ab\u2026");
  EXPECT_EQ(shortened("\u65e5\u672c\u8a9e\u65e5", 3), "\u65e5\u672c\u2026");
  EXPECT_EQ(shortened("abc", 1), "\u2026");
  EXPECT_EQ(characters_in("\u65e5\u672c\u8a9e"), 3U);
  EXPECT_EQ(characters_in(shortened(std::string(1000, 'x'), 50)), 50U);
}

TEST(Text, OfAnErrorIsOneLineWhateverTheNames) {
  for (const std::string& name : hostile_names()) {
    const Error error(ErrorCode::bad_feed, "no feed for " + name,
                      {.op = name, .node = name, .expected = name, .actual = name, .where = name});
    EXPECT_FALSE(has_control_character(error.what())) << error.what();
  }
}

TEST(Text, OfAGraphHasALineForEachNodeWhateverTheNames) {
  for (const std::string& name : hostile_names()) {
    Graph graph;
    const Value x = input(graph, "x", f32, {2}).named(name);
    const std::string text = to_text(graph, {&x, 1});
    ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << printable(name);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      EXPECT_FALSE(has_control_character(text.substr(begin, end - begin))) << printable(name);
      begin = end + 1;
    }
  }
}

/// What Graphviz reads between a label's quotes: the text up to the first quote that no backslash escapes.
std::string label_in(const std::string& dot) {
  const std::size_t begin = dot.find("label=\"") + 7;
  std::size_t end = begin;
  while (end < dot.size() && dot[end] != '"') end += dot[end] == '\\' ? 2 : 1;
  return dot.substr(begin, end - begin);
}

TEST(Dot, KeepsANameInsideItsLabel) {
  for (const std::string& name : hostile_names()) {
    Graph graph;
    const Value x = input(graph, "x", f32, {2}).named(name);
    const std::string dot = to_dot(extract(graph, {&x, 1}));
    const std::string label = label_in(dot);
    EXPECT_EQ(label.substr(label.size() - 13), "input\\nf32[2]") << printable(name);
    EXPECT_EQ(dot.find(label + "\"]"), dot.find("label=\"") + 7) << printable(name);
    EXPECT_EQ(printable(label), label);
    EXPECT_LT(label.size(), 1000U);
  }
}

TEST(Suggestion, NamesTheMostSimilarFirst) {
  const std::vector<std::string_view> names{"fuse_matmul",   "fuse_gather",   "split_columns",
                                            "dense1/weight", "dense2/weight", "dense3/weight",
                                            "dense4/weight"};
  EXPECT_EQ(suggestion("fuse_gathr", names), " (did you mean 'fuse_gather'?)");
  EXPECT_EQ(suggestion("fuse_mtamul", names), " (did you mean 'fuse_matmul'?)");
  EXPECT_EQ(suggestion("dense2/weigth", names),
            " (did you mean 'dense2/weight', 'dense1/weight' or 'dense3/weight'?)");
  EXPECT_EQ(suggestion("columns", names), " (did you mean 'split_columns'?)");
  EXPECT_EQ(suggestion("momentum", names), "");
  EXPECT_EQ(suggestion("", names), "");
  EXPECT_EQ(suggestion(std::string(100'000, 'x'), names), "");
  EXPECT_EQ(suggestion("x", {}), "");
}

TEST(Text, ShowsNoSignOfANan) {
  EXPECT_EQ(fmt::format("{} {}", printable(-std::nan("")), printable(-std::nanf(""))), "nan nan");
  EXPECT_EQ(fmt::format("{} {}", printable(-0.0), printable(0.1F)), "-0 0.1");
  EXPECT_EQ(to_string(Scalar(-std::nan(""))), "nan");
  EXPECT_EQ(to_string(Tensor::of({-std::nan(""), -1.0})), "f64[2] {nan, -1}");
}

}  // namespace
}  // namespace weft
