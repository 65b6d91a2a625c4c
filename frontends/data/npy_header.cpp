#include "weft/frontends/data/npy_header.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <utility>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::data {
namespace {

constexpr std::size_t kMostAxes = 64;  // NumPy 2's

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader header() {
    NpyHeader made;
    std::set<std::string> keys;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted("a key");
      if (!keys.insert(key).second) throw bad("each key once", fmt::format("'{}' again", printable(key)));
      expect(':');
      value_of(key, made);
      if (take('}')) break;
      expect(',');
    }
    if (next() != kEnd) throw bad("nothing after the dict", shown());
    if (keys.size() != 3) throw bad("the keys descr, fortran_order and shape", "fewer");
    return made;
  }

 private:
  static constexpr char kEnd = '\0';

  Error bad(std::string expected, std::string actual) const {
    return Error(ErrorCode::bad_file, fmt::format("{}: a broken .npy header at byte {}", name_, at_),
                 {.expected = std::move(expected), .actual = std::move(actual)});
  }

  /// The next byte that is no space; kEnd at the end. A zero byte is no part of any header.
  char next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    if (at_ == text_.size()) return kEnd;
    if (text_[at_] == kEnd) throw bad("text", "a zero byte");
    return text_[at_];
  }
  std::string shown() {
    constexpr std::size_t kShown = 20;
    return next() == kEnd ? std::string("the end") : printable(text_.substr(at_, kShown));
  }
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw bad(fmt::format("'{}'", c), shown());
  }
  bool take_word(std::string_view word) {
    next();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  std::string quoted(const char* what) {
    const char quote = next();
    if (quote != '\'' && quote != '"') throw bad(fmt::format("{} in quotes", what), shown());
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) throw bad("a closing quote", "the end");
    std::string inner(text_.substr(at_ + 1, end - at_ - 1));
    if (inner.find('\\') != std::string::npos) throw bad("a text without backslashes", printable(inner));
    at_ = end + 1;
    return inner;
  }

  void value_of(const std::string& key, NpyHeader& made) {
    if (key == "descr") {
      if (next() == '[')
        throw Error(ErrorCode::unsupported, name_ + ": an array of records",
                    {.expected = "numbers of one type"});
      made.descr = quoted("an element type");
    } else if (key == "fortran_order") {
      made.fortran_order = take_word("True");
      if (!made.fortran_order && !take_word("False")) throw bad("True or False", shown());
    } else if (key == "shape") {
      made.shape = shape();
    } else {
      throw bad("the keys descr, fortran_order and shape", fmt::format("'{}'", printable(key)));
    }
  }

  /// "()", "(3,)", "(3, 4)" or "(3, 4,)". A single number needs its comma, or it would be no tuple.
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!take(')')) {
      sizes.push_back(size());
      if (sizes.size() > kMostAxes) throw bad(fmt::format("at most {} axes", kMostAxes), "more");
      if (sizes.size() > 1 && take(')')) break;
      expect(',');
    }
    return sizes;
  }

  std::int64_t size() {
    next();
    std::int64_t number = 0;
    const char* const end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data() + at_, end, number);
    if (error != std::errc{} || number < 0) throw bad("a size from 0 to 2^63 - 1", shown());
    at_ = static_cast<std::size_t>(stop - text_.data());
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote its long numbers so
    return number;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& name) {
  return HeaderParser(text, name).header();
}

}  // namespace weft::data
