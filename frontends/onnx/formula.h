#pragma once
// The text of a Dim, read: sums of products of names, numbers, powers and quotients, as to_string(Dim) writes
// them. What is made of it is up to a Maker, so that the same reader gives operators on sizes and Dims.

#include <algorithm>
#include <cctype>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace weft::onnx {

/// What a FormulaReader calls. `fail` throws.
template <typename M>
concept FormulaMaker = requires(M& make, typename M::Term term, std::string_view text, std::int64_t number) {
  { make.negative(term) } -> std::same_as<typename M::Term>;
  { make.sum(term, term) } -> std::same_as<typename M::Term>;
  { make.difference(term, term) } -> std::same_as<typename M::Term>;
  { make.product(term, term) } -> std::same_as<typename M::Term>;
  { make.quotient(term, term) } -> std::same_as<typename M::Term>;
  { make.number(number) } -> std::same_as<typename M::Term>;
  { make.symbol(text) } -> std::same_as<typename M::Term>;
  { make.fail() };
};

template <FormulaMaker Maker>
class FormulaReader {
 public:
  using Term = typename Maker::Term;

  FormulaReader(Maker& make, std::string_view text) : make_(make), left_(text) {}

  /// The term that the whole text stands for.
  Term read() {
    Term made = sum();
    if (!left_.empty()) make_.fail();
    return made;
  }

 private:
  static constexpr int kMostDepth = 64;           // of brackets, which a file may nest
  static constexpr std::int64_t kMostPower = 64;  // which a file may claim

  Term sum() {
    Term made = takes("-") ? make_.negative(product()) : product();
    while (true) {
      if (takes(" + ")) {
        made = make_.sum(made, product());
      } else if (takes(" - ")) {
        made = make_.difference(made, product());
      } else {
        return made;
      }
    }
  }

  Term product() {
    Term made = power();
    while (true) {
      if (takes("//")) {
        made = make_.quotient(made, power());
      } else if (takes("*")) {
        made = make_.product(made, power());
      } else {
        return made;
      }
    }
  }

  Term power() {
    Term base = factor();
    if (!takes("^")) return base;
    const std::int64_t exponent = digits();
    if (exponent > kMostPower) make_.fail();
    Term made = base;
    for (std::int64_t i = exponent; i > 1; --i) made = make_.product(made, base);
    return made;
  }

  Term factor() {
    if (takes("(")) {
      if (++depth_ > kMostDepth) make_.fail();
      Term made = sum();
      --depth_;
      if (!takes(")")) make_.fail();
      return made;
    }
    if (!left_.empty() && std::isdigit(static_cast<unsigned char>(left_.front())) != 0)
      return make_.number(digits());
    const std::size_t end = std::min(left_.find_first_of(" +-*/^()"), left_.size());
    if (end == 0) make_.fail();
    const std::string_view symbol = left_.substr(0, end);
    left_.remove_prefix(end);
    return make_.symbol(symbol);
  }

  std::int64_t digits() {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(left_.data(), left_.data() + left_.size(), number);
    if (error != std::errc{}) make_.fail();
    left_.remove_prefix(static_cast<std::size_t>(stop - left_.data()));
    return number;
  }

  bool takes(std::string_view text) {
    if (!left_.starts_with(text)) return false;
    left_.remove_prefix(text.size());
    return true;
  }

  Maker& make_;
  std::string_view left_;
  int depth_ = 0;
};

}  // namespace weft::onnx
