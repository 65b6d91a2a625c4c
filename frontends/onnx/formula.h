#pragma once
// Reads the text of a Dim: sums of products of numbers, symbols, powers and quotients. What these become is
// up to a builder:
//
//   using Term = ...;
//   Term number(std::int64_t), symbol(std::string_view);
//   Term negated(Term), added(Term, Term), subtracted(Term, Term), multiplied(Term, Term), divided(Term,
//   Term);
//   [[noreturn]] void refuse();

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace weft::onnx {

template <typename Builder>
class FormulaReader {
 public:
  using Term = typename Builder::Term;

  FormulaReader(Builder& build, std::string_view text) : build_(build), left_(text) {}

  /// The whole text.
  Term read() {
    Term made = sum();
    if (!left_.empty()) build_.refuse();
    return made;
  }

 private:
  Term sum() {
    constexpr int kMostDepth = 64;
    if (++depth_ > kMostDepth) build_.refuse();
    Term made = takes("-") ? build_.negated(product()) : product();
    while (true) {
      if (takes(" + ")) {
        made = build_.added(made, product());
      } else if (takes(" - ")) {
        made = build_.subtracted(made, product());
      } else {
        --depth_;
        return made;
      }
    }
  }

  Term product() {
    Term made = power();
    while (true) {
      if (takes("//")) {
        made = build_.divided(made, power());
      } else if (takes("*")) {
        made = build_.multiplied(made, power());
      } else {
        return made;
      }
    }
  }

  Term power() {
    constexpr std::int64_t kMost = 64;
    Term made = factor();
    if (!takes("^")) return made;
    const std::int64_t exponent = digits();
    if (exponent > kMost) build_.refuse();
    const Term base = made;
    for (std::int64_t i = exponent; i > 1; --i) made = build_.multiplied(made, base);
    return made;
  }

  Term factor() {
    if (takes("(")) {
      Term made = sum();
      if (!takes(")")) build_.refuse();
      return made;
    }
    if (!left_.empty() && std::isdigit(static_cast<unsigned char>(left_.front())) != 0)
      return build_.number(digits());
    const std::size_t end = std::min(left_.find_first_of(" +-*/^()"), left_.size());
    if (end == 0) build_.refuse();
    const std::string_view symbol = left_.substr(0, end);
    left_.remove_prefix(end);
    return build_.symbol(symbol);
  }

  std::int64_t digits() {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(left_.data(), left_.data() + left_.size(), number);
    if (error != std::errc{}) build_.refuse();
    left_.remove_prefix(static_cast<std::size_t>(stop - left_.data()));
    return number;
  }

  bool takes(std::string_view text) {
    if (!left_.starts_with(text)) return false;
    left_.remove_prefix(text.size());
    return true;
  }

  Builder& build_;
  std::string_view left_;
  int depth_ = 0;
};

}  // namespace weft::onnx
