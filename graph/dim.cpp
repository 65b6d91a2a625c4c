#include "weft/graph/dim.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <utility>

#include "weft/graph/error.h"

namespace weft {
namespace detail {
namespace {

[[noreturn]] void throw_overflow() {
  throw Error(ErrorCode::invalid_argument, "a computed dimension does not fit 63 bits");
}
std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) throw_overflow();
  return result;
}
std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw_overflow();
  return result;
}
/// For a positive divisor.
std::int64_t floor_of(std::int64_t number, std::int64_t divisor) {
  return number / divisor - (number % divisor < 0 ? 1 : 0);
}

struct Quotient;

/// What a polynomial is made of: a symbol, or a quotient that no polynomial equals. Each normal form has a
/// text of its own, so atoms are compared by their texts.
struct Atom {
  std::string text;
  std::shared_ptr<const Quotient> quotient;  // empty for a symbol

  friend bool operator==(const Atom& a, const Atom& b) { return a.text == b.text; }
  friend bool operator<(const Atom& a, const Atom& b) { return a.text < b.text; }
};

using Monomial = std::vector<Atom>;  // sorted; an atom may occur several times; empty for 1

/// Orders by degree, highest first, and then by the atoms. Products keep this order.
struct GradedOrder {
  bool operator()(const Monomial& a, const Monomial& b) const {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  }
};

Monomial times(const Monomial& a, const Monomial& b) {
  Monomial merged;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(merged));
  return merged;
}

std::optional<Monomial> divided(const Monomial& a, const Monomial& b) {
  if (!std::includes(a.begin(), a.end(), b.begin(), b.end())) return std::nullopt;
  Monomial rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rest));
  return rest;
}

}  // namespace

class Polynomial {
 public:
  using Terms = std::map<Monomial, std::int64_t, GradedOrder>;

  Polynomial() = default;
  explicit Polynomial(std::int64_t number) { add({}, number); }
  explicit Polynomial(Atom atom) { add({std::move(atom)}, 1); }

  const Terms& terms() const { return terms_; }
  void add(const Monomial& monomial, std::int64_t coefficient) {
    std::int64_t& total = terms_[monomial];
    total = sum(total, coefficient);
    if (total == 0) terms_.erase(monomial);
  }
  bool is_zero() const { return terms_.empty(); }
  /// The number, if this is a number.
  std::optional<std::int64_t> number() const {
    if (terms_.empty()) return 0;
    return terms_.begin()->first.empty() ? std::optional(terms_.begin()->second) : std::nullopt;
  }
  /// The symbol, if this is a single symbol.
  const std::string* symbol() const {
    if (terms_.size() != 1) return nullptr;
    const auto& [monomial, coefficient] = *terms_.begin();
    return coefficient == 1 && monomial.size() == 1 && !monomial[0].quotient ? &monomial[0].text : nullptr;
  }

 private:
  Terms terms_;
};

namespace {

struct Quotient {
  Polynomial numerator;
  Polynomial denominator;
};

bool equal(const Polynomial& a, const Polynomial& b) { return a.terms() == b.terms(); }

Polynomial add_scaled(Polynomial a, const Polynomial& b, std::int64_t factor) {
  for (const auto& [monomial, coefficient] : b.terms()) a.add(monomial, product(coefficient, factor));
  return a;
}

Polynomial multiply(const Polynomial& a, const Polynomial& b) {
  Polynomial result;
  for (const auto& [left, c] : a.terms()) {
    for (const auto& [right, d] : b.terms()) result.add(times(left, right), product(c, d));
  }
  return result;
}

std::string text_of(const Polynomial& form);

/// The text, in brackets unless it is a number or a single symbol.
std::string bracketed(const Polynomial& form) {
  const std::string text = text_of(form);
  return form.number() || form.symbol() != nullptr ? text : fmt::format("({})", text);
}

std::string text_of(const Monomial& monomial, std::int64_t coefficient) {
  std::string text;
  const bool alone = monomial.size() == 1 && coefficient == 1;
  for (std::size_t i = 0; i < monomial.size();) {
    const auto end = std::find_if(monomial.begin() + static_cast<std::ptrdiff_t>(i), monomial.end(),
                                  [&](const Atom& atom) { return !(atom == monomial[i]); });
    const std::size_t power = static_cast<std::size_t>(end - monomial.begin()) - i;
    if (!text.empty()) text += '*';
    text += monomial[i].quotient && !alone ? fmt::format("({})", monomial[i].text) : monomial[i].text;
    if (power > 1) text += fmt::format("^{}", power);
    i += power;
  }
  if (monomial.empty()) return std::to_string(coefficient);
  return coefficient == 1 ? text : fmt::format("{}*{}", text, coefficient);
}

/// Positive terms come before negative ones: "n - 3", "c - b".
std::string text_of(const Polynomial& form) {
  std::string text;
  for (const bool positive : {true, false}) {
    for (const auto& [monomial, coefficient] : form.terms()) {
      if ((coefficient > 0) != positive) continue;
      const bool first = text.empty();
      if (positive || monomial.empty()) {
        const std::string term = text_of(monomial, positive ? coefficient : -coefficient);
        text += first ? (positive ? term : "-" + term) : (positive ? " + " : " - ") + term;
      } else {
        text += (first ? "-" : " - ") + text_of(monomial, -coefficient);
      }
    }
  }
  return text.empty() ? "0" : text;
}

/// a / b if there is no remainder.
std::optional<Polynomial> divide_exactly(Polynomial a, const Polynomial& b) {
  if (b.is_zero()) return std::nullopt;
  Polynomial result;
  const auto& [leading, divisor] = *b.terms().begin();
  while (!a.is_zero()) {
    const auto& [monomial, coefficient] = *a.terms().begin();
    const auto rest = divided(monomial, leading);
    if (!rest || coefficient % divisor != 0) return std::nullopt;
    Polynomial term;
    term.add(*rest, coefficient / divisor);
    a = add_scaled(std::move(a), multiply(term, b), -1);
    result = add_scaled(std::move(result), term, 1);
  }
  return result;
}

Polynomial quotient_atom(Polynomial numerator, Polynomial denominator) {
  std::string text = fmt::format("{}//{}", bracketed(numerator), bracketed(denominator));
  return Polynomial(Atom{.text = std::move(text),
                         .quotient = std::make_shared<const Quotient>(Quotient{
                             .numerator = std::move(numerator), .denominator = std::move(denominator)})});
}

Polynomial divide_down(const Polynomial& a, std::int64_t divisor);

/// (a//m + c)//n is (a + c m)//(m n), for numbers c, m and n.
std::optional<Polynomial> joined_quotient(const Polynomial& form, std::int64_t divisor) {
  const auto& [monomial, coefficient] = *form.terms().begin();
  const std::int64_t added = form.terms().size() == 1 ? 0 : form.terms().rbegin()->second;
  const bool is_sum =
      form.terms().size() == 1 || (form.terms().size() == 2 && form.terms().rbegin()->first.empty());
  if (!is_sum || coefficient != 1 || monomial.size() != 1 || !monomial[0].quotient) return std::nullopt;
  const Quotient& inner = *monomial[0].quotient;
  const auto by = inner.denominator.number();
  if (!by) return std::nullopt;
  return divide_down(add_scaled(inner.numerator, Polynomial(product(added, *by)), 1), product(*by, divisor));
}

/// Whole multiples of the divisor are taken out of the quotient, and the rest is reduced by common factors.
Polynomial divide_down(const Polynomial& a, std::int64_t divisor) {
  Polynomial whole;
  Polynomial rest;
  std::int64_t common = divisor;
  for (const auto& [monomial, coefficient] : a.terms()) {
    const std::int64_t multiple = floor_of(coefficient, divisor);
    const std::int64_t left = coefficient - multiple * divisor;
    whole.add(monomial, multiple);
    rest.add(monomial, left);
    if (!monomial.empty()) common = std::gcd(common, left);
  }
  if (rest.number()) return whole;  // 0 <= number < divisor
  Polynomial reduced;
  for (const auto& [monomial, coefficient] : rest.terms()) reduced.add(monomial, coefficient / common);
  if (divisor == common) return add_scaled(std::move(whole), reduced, 1);
  if (auto joined = joined_quotient(reduced, divisor / common)) {
    return add_scaled(std::move(whole), *joined, 1);
  }
  return add_scaled(std::move(whole), quotient_atom(std::move(reduced), Polynomial(divisor / common)), 1);
}

Polynomial divide_down(const Polynomial& a, const Polynomial& b) {
  if (const auto number = b.number()) {
    if (*number > 0) return divide_down(a, *number);
    throw Error(ErrorCode::invalid_argument, "a dimension is divided by a number that is not positive",
                {.expected = "a divisor >= 1", .actual = std::to_string(*number)});
  }
  if (auto exact = divide_exactly(a, b)) return *std::move(exact);
  return quotient_atom(a, b);
}

/// Whether this is >= 0 for all sizes of its symbols, as far as signs tell.
bool is_never_negative(const Polynomial& form) {
  return std::ranges::all_of(form.terms(), [](const auto& term) {
    return term.second > 0 && std::ranges::all_of(term.first, [](const Atom& atom) {
             return !atom.quotient || (is_never_negative(atom.quotient->numerator) &&
                                       is_never_negative(atom.quotient->denominator));
           });
  });
}

bool has_quotient(const Polynomial& form) {
  return std::ranges::any_of(form.terms(), [](const auto& term) {
    return std::ranges::any_of(term.first, [](const Atom& atom) { return atom.quotient != nullptr; });
  });
}

Polynomial bound(const Polynomial& form, const Bindings& bindings) {
  Polynomial result;
  for (const auto& [monomial, coefficient] : form.terms()) {
    Polynomial term(coefficient);
    for (const Atom& atom : monomial) {
      if (atom.quotient) {
        term = multiply(term, divide_down(bound(atom.quotient->numerator, bindings),
                                          bound(atom.quotient->denominator, bindings)));
      } else if (const auto found = bindings.find(atom.text); found != bindings.end()) {
        term = multiply(term, Polynomial(found->second));
      } else {
        term = multiply(term, Polynomial(atom));
      }
    }
    result = add_scaled(std::move(result), term, 1);
  }
  return result;
}

void collect_symbols(const Polynomial& form, std::set<std::string>& symbols) {
  for (const auto& [monomial, coefficient] : form.terms()) {
    for (const Atom& atom : monomial) {
      if (atom.quotient) {
        collect_symbols(atom.quotient->numerator, symbols);
        collect_symbols(atom.quotient->denominator, symbols);
      } else {
        symbols.insert(atom.text);
      }
    }
  }
}

}  // namespace
}  // namespace detail

using detail::Polynomial;

Dim::Dim(std::string_view symbol) {
  const bool named = !symbol.empty() && (symbol[0] < '0' || symbol[0] > '9') &&
                     symbol.find_first_of(" \t\r\n+-*/^()[],") == std::string_view::npos;
  if (!named) {
    throw Error(ErrorCode::invalid_argument, "a symbolic dimension needs a name",
                {.expected = "a name like batch", .actual = fmt::format("'{}'", symbol)});
  }
  form_ = std::make_shared<const Polynomial>(detail::Atom{.text = std::string(symbol), .quotient = nullptr});
}

Dim::Dim(Polynomial form) {
  if (const auto number = form.number()) {
    if (*number < 0) throw_negative(*number);
    size_ = *number;
  } else {
    form_ = std::make_shared<const Polynomial>(std::move(form));
  }
}

void Dim::throw_negative(std::int64_t size) {
  throw Error(ErrorCode::invalid_argument, "a dimension cannot be negative",
              {.expected = "a size >= 0", .actual = std::to_string(size)});
}

void Dim::throw_too_large(std::uint64_t size) {
  throw Error(ErrorCode::invalid_argument, "a dimension does not fit 63 bits",
              {.actual = std::to_string(size)});
}

bool Dim::same_form(const Dim& a, const Dim& b) { return detail::equal(*a.form_, *b.form_); }
Polynomial Dim::polynomial() const { return form_ ? *form_ : Polynomial(size_); }

bool Dim::is_symbol() const noexcept { return form_ && form_->symbol() != nullptr; }

const std::string& Dim::symbol() const noexcept {
  static const std::string kNone;
  return is_symbol() ? *form_->symbol() : kNone;
}

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> symbols;
  if (form_) detail::collect_symbols(*form_, symbols);
  return {symbols.begin(), symbols.end()};
}

std::int64_t Dim::size() const {
  if (is_number()) return size_;
  throw Error(ErrorCode::shape_mismatch,
              fmt::format("the size of dimension '{}' is not known yet", to_string(*this)));
}

Dim Dim::bind(const Bindings& bindings) const {
  if (is_number()) return *this;
  const Polynomial known = detail::bound(*form_, bindings);
  if (const auto number = known.number(); number && *number < 0) {
    if (is_symbol()) throw_negative(*number);
    throw Error(ErrorCode::shape_mismatch, "a computed dimension is negative",
                {.expected = fmt::format("{} >= 0", to_string(*this)), .actual = std::to_string(*number)});
  }
  return Dim(known);
}

Dim operator+(const Dim& a, const Dim& b) {
  return Dim(detail::add_scaled(a.polynomial(), b.polynomial(), 1));
}
Dim operator-(const Dim& a, const Dim& b) {
  return Dim(detail::add_scaled(a.polynomial(), b.polynomial(), -1));
}
Dim operator*(const Dim& a, const Dim& b) { return Dim(detail::multiply(a.polynomial(), b.polynomial())); }
Dim floor_div(const Dim& a, const Dim& b) { return Dim(detail::divide_down(a.polynomial(), b.polynomial())); }

std::optional<Dim> exact_div(const Dim& a, const Dim& b) {
  auto exact = detail::divide_exactly(a.polynomial(), b.polynomial());
  if (!exact || exact->number().value_or(0) < 0) return std::nullopt;
  return Dim(*std::move(exact));
}

std::optional<bool> at_most(const Dim& a, const Dim& b) {
  const Polynomial room = detail::add_scaled(b.polynomial(), a.polynomial(), -1);
  if (detail::is_never_negative(room)) return true;
  const Polynomial excess = detail::add_scaled(Polynomial(-1), room, -1);  // a - b - 1
  return detail::is_never_negative(excess) ? std::optional(false) : std::nullopt;
}

bool may_be_equal(const Dim& a, const Dim& b) {
  const Polynomial difference = detail::add_scaled(a.polynomial(), b.polynomial(), -1);
  return difference.is_zero() || detail::has_quotient(difference);
}

std::string to_string(const Dim& dim) {
  return dim.is_number() ? std::to_string(dim.size_) : detail::text_of(*dim.form_);
}

}  // namespace weft
