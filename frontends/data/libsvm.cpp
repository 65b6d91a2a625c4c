#include "weft/frontends/data/libsvm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "weft/frontends/data/byte_source.h"
#include "weft/graph/error.h"

namespace weft::data {
namespace {

/// Longer than any reasonable number.
constexpr std::size_t kLongestWord = 512;
constexpr std::int64_t kMostColumns = std::numeric_limits<std::int32_t>::max();

struct Position {
  std::int64_t line = 1;
  std::int64_t column = 1;
};

/// A word, or the end of a line or of the file.
struct Token {
  enum class Kind : std::uint8_t { word, line_end, file_end };
  Kind kind = Kind::file_end;
  std::string_view text{};  // until the next token is read
  Position at{};
};

/// Whether a number that f64 does not hold is too small for it, and not too large.
bool is_tiny(std::string_view number) {
  const std::size_t exponent = number.find_first_of("eE");
  if (exponent != std::string_view::npos) return number.substr(exponent + 1).starts_with('-');
  return number.find_first_not_of("-0") == number.find('.');
}

/// A word of the file, made safe to show.
std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 40;
  if (text.empty()) return "nothing";
  std::string result;
  for (const char c : text.substr(0, kShown)) result += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kShown ? result + "..." : result;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path.string()), source_(open_bytes(path)) {
    skip_byte_order_mark();
  }

  /// The next token; comments are skipped.
  Token next() {
    while (is_space(peek())) take();
    if (peek() == '#') {
      while (peek() != '\n' && peek() != kEnd) take();
    }
    const Position at = position_;
    if (peek() == kEnd) return {.kind = Token::Kind::file_end, .at = at};
    if (peek() == '\n') {
      take();
      return {.kind = Token::Kind::line_end, .at = at};
    }
    word_.clear();
    while (peek() != kEnd && peek() != '\n' && peek() != '#' && !is_space(peek())) {
      word_ += static_cast<char>(take());
      if (word_.size() > kLongestWord)
        throw bad(at, "a word is too long", fmt::format("at most {} bytes", kLongestWord), shown(word_));
    }
    return {.kind = Token::Kind::word, .text = word_, .at = at};
  }

  Error bad(Position at, std::string_view problem, std::string expected, std::string actual) const {
    return Error(ErrorCode::bad_file, fmt::format("{}:{}:{}: {}", path_, at.line, at.column, problem),
                 {.expected = std::move(expected), .actual = std::move(actual)});
  }

 private:
  static constexpr int kEnd = -1;

  static bool is_space(int c) { return c == ' ' || c == '\t' || c == '\r'; }

  /// Skips the mark that editors on Windows put before UTF-8.
  void skip_byte_order_mark() {
    peek();
    if (std::string_view(buffer_.data(), filled_).starts_with("\xEF\xBB\xBF")) next_ = 3;
  }

  int peek() {
    if (next_ == filled_) {
      filled_ = source_->read(std::as_writable_bytes(std::span(buffer_)));
      next_ = 0;
    }
    return next_ == filled_ ? kEnd : static_cast<unsigned char>(buffer_[next_]);
  }
  int take() {
    const int c = peek();
    ++next_;
    if (c == '\n') {
      position_ = {.line = position_.line + 1, .column = 1};
    } else {
      ++position_.column;
    }
    return c;
  }

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  std::array<char, 1 << 16> buffer_{};
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  Position position_;
  std::string word_;
};

/// A tensor that takes over the memory of a vector.
template <typename T>
Tensor tensor_of(std::vector<T> numbers) {
  const auto kept = std::make_shared<std::vector<T>>(std::move(numbers));
  const std::array sizes{std::ssize(*kept)};
  return Tensor::borrow(kept->data(), dtype_of<T>(), sizes, kept);
}

template <std::floating_point T>
class Parser {
 public:
  Parser(const std::filesystem::path& path, const LibsvmOptions& options)
      : reader_(path),
        options_(options),
        least_(options.first_index == FirstIndex::one ? 1 : 0),
        largest_(options.width > 0 ? options.width : options.largest_index) {
    if (options.first_index == FirstIndex::zero) largest_ = std::min(largest_, largest_from_zero());
  }

  SparseDataset parse() {
    for (Token token = reader_.next(); token.kind != Token::Kind::file_end; token = reader_.next()) {
      if (token.kind == Token::Kind::line_end) continue;
      expect_room(token, std::ssize(labels_), options_.most_rows, "rows");
      labels_.push_back(number(token.text, token.at, "a label"));
      token = read_entries();
      offsets_.push_back(std::ssize(columns_));
      if (token.kind == Token::Kind::file_end) break;
    }
    const std::int64_t first = first_index();
    if (first > 0) {
      for (std::int32_t& column : columns_) --column;
    }
    const std::int64_t width =
        options_.width > 0 ? options_.width : std::max<std::int64_t>(largest_seen_ + 1 - first, 0);
    const std::array<std::int64_t, 2> sizes{std::ssize(labels_), width};
    return {.rows = SparseTensor::of(sizes, tensor_of(std::move(offsets_)), tensor_of(std::move(columns_)),
                                     tensor_of(std::move(values_))),
            .labels = tensor_of(std::move(labels_)),
            .queries = queries_.empty() ? Tensor() : tensor_of(std::move(queries_))};
  }

 private:
  static constexpr std::string_view kQuery = "qid:";

  /// Reads entries up to the end of the line or file, and returns that token.
  Token read_entries() {
    std::int64_t before = least_ - 1;
    for (bool is_first = true;; is_first = false) {
      const Token token = reader_.next();
      const bool is_query = is_first && token.kind == Token::Kind::word && token.text.starts_with(kQuery);
      if (is_first) expect_query_like_others(token, is_query);
      if (token.kind != Token::Kind::word) return token;
      if (is_query) {
        queries_.push_back(query_of(token));
        continue;
      }
      expect_room(token, std::ssize(columns_), options_.most_entries, "entries");
      before = read_entry(token, before);
    }
  }

  void expect_query_like_others(const Token& token, bool is_query) const {
    const bool others_do = !queries_.empty();
    if (labels_.size() == 1 || is_query == others_do) return;
    throw reader_.bad(token.at, "some rows belong to a query and some do not",
                      others_do ? "qid:number" : "index:value",
                      token.kind == Token::Kind::word ? shown(token.text) : "the end of the row");
  }

  std::int64_t query_of(const Token& token) const {
    const std::string_view digits = token.text.substr(kQuery.size());
    std::int64_t query = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), query);
    if (problem == std::errc() && end == digits.data() + digits.size()) return query;
    throw reader_.bad(token.at, "a query is not an integer", "qid:number", shown(token.text));
  }

  std::int64_t read_entry(const Token& token, std::int64_t before) {
    const std::size_t colon = token.text.find(':');
    if (colon == std::string_view::npos)
      throw reader_.bad(token.at, "not an entry", "index:value", shown(token.text));
    const std::int64_t index = index_of(token.text.substr(0, colon), token.at, before);
    const Position behind{.line = token.at.line,
                          .column = token.at.column + static_cast<std::int64_t>(colon) + 1};
    const double value = number(token.text.substr(colon + 1), behind, "a value");
    if (!std::isfinite(static_cast<T>(value))) {
      throw reader_.bad(behind, "a value is too large",
                        fmt::format("a number that {} holds", name_of(dtype_of<T>())),
                        shown(token.text.substr(colon + 1)));
    }
    columns_.push_back(static_cast<std::int32_t>(index));
    values_.push_back(static_cast<T>(value));
    has_zero_ = has_zero_ || index == 0;
    if (index > largest_seen_) {
      largest_seen_ = index;
      largest_at_ = token.at;
    }
    return index;
  }

  std::int64_t index_of(std::string_view text, Position at, std::int64_t before) const {
    std::int64_t index = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), index);
    const bool is_number = problem == std::errc() && end == text.data() + text.size();
    if (is_number && index > before && index <= largest_) return index;
    throw reader_.bad(
        at, index == before && is_number && before >= least_ ? "an index comes twice" : "a wrong index",
        fmt::format("an integer from {} to {}, for indices ascend", before + 1, largest_), shown(text));
  }

  /// An index of 0 shows that a file counts from 0.
  std::int64_t first_index() const {
    if (options_.first_index != FirstIndex::automatic) return least_;
    if (!has_zero_) return 1;
    if (largest_seen_ > largest_from_zero()) {
      throw reader_.bad(largest_at_, "a wrong index",
                        fmt::format("at most {}, for another index is 0", largest_from_zero()),
                        std::to_string(largest_seen_));
    }
    return 0;
  }

  /// The largest index where the first column has index 0.
  std::int64_t largest_from_zero() const { return (options_.width > 0 ? options_.width : kMostColumns) - 1; }

  /// The number may begin with '+', as in labels.
  double number(std::string_view text, Position at, std::string_view what) const {
    std::string_view digits = text;
    if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
    double result = 0.0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
    const bool is_whole = end == digits.data() + digits.size();
    if (problem == std::errc() && is_whole && std::isfinite(result)) return result;
    if (problem == std::errc::result_out_of_range && is_whole && is_tiny(digits)) return 0.0;
    throw reader_.bad(at, fmt::format("{} is not a finite number", what), "a decimal number that f64 holds",
                      shown(text));
  }

  void expect_room(const Token& token, std::int64_t held, std::int64_t most, std::string_view what) const {
    if (held < most) return;
    throw reader_.bad(token.at, fmt::format("the file has too many {}", what),
                      fmt::format("at most {}", most), "more");
  }

  Reader reader_;
  LibsvmOptions options_;
  std::int64_t least_;
  std::int64_t largest_;
  std::int64_t largest_seen_ = -1;
  Position largest_at_;
  bool has_zero_ = false;
  std::vector<std::int64_t> offsets_{0};
  std::vector<std::int32_t> columns_;
  std::vector<T> values_;
  std::vector<double> labels_;
  std::vector<std::int64_t> queries_;
};

void expect_options(const LibsvmOptions& options) {
  if (!is_float(options.dtype)) {
    throw Error(ErrorCode::invalid_argument, "the values of a LIBSVM file cannot have this dtype",
                {.expected = "f32 or f64", .actual = std::string(name_of(options.dtype))});
  }
  for (const std::int64_t index : {options.width, options.largest_index}) {
    if (index >= 0 && index <= kMostColumns) continue;
    throw Error(ErrorCode::invalid_argument, "a LIBSVM file cannot have such indices",
                {.expected = fmt::format("at most {}", kMostColumns), .actual = std::to_string(index)});
  }
}

}  // namespace

SparseDataset read_libsvm(const std::filesystem::path& path, const LibsvmOptions& options) {
  expect_options(options);
  if (options.dtype == DType::f32) return Parser<float>(path, options).parse();
  return Parser<double>(path, options).parse();
}

std::vector<double> distinct_labels(const Tensor& labels) {
  const auto all = labels.values<double>();
  std::vector<double> distinct(all.begin(), all.end());
  std::ranges::sort(distinct);
  const auto rest = std::ranges::unique(distinct);
  distinct.erase(rest.begin(), rest.end());
  return distinct;
}

Tensor class_numbers(const Tensor& labels, std::span<const double> classes) {
  Tensor numbers = Tensor::uninitialized(DType::i32, labels.sizes());
  std::ranges::transform(labels.values<double>(), numbers.mutable_values<std::int32_t>().begin(),
                         [&](double label) {
                           const auto found = std::ranges::lower_bound(classes, label);
                           if (found != classes.end() && *found == label)
                             return static_cast<std::int32_t>(found - classes.begin());
                           throw Error(ErrorCode::out_of_range, "a label is not a class",
                                       {.expected = fmt::format("one of {} classes", classes.size()),
                                        .actual = fmt::format("{}", label)});
                         });
  return numbers;
}

}  // namespace weft::data
