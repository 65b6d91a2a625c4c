#pragma once
// One dimension of a shape: a number >= 0, a symbol such as "batch" whose size a run binds, or a formula of
// these with +, -, * and division that rounds down: "b*t", "c + d", "(h + 1)//2". Formulas are kept in a
// normal form, a polynomial of symbols and quotients; two are equal if their normal forms are. A Dim is a
// value: copies are cheap, and threads may share a const one.

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft {

/// The numbers that a run gives to symbols.
using Bindings = std::map<std::string, std::int64_t, std::less<>>;

namespace detail {
class Polynomial;
}  // namespace detail

class Dim {
 public:
  /// A number; throws Error(invalid_argument) if it is negative or does not fit 63 bits.
  template <std::integral T>
    requires(!std::is_same_v<T, bool>)
  Dim(T size) : Dim(Number{static_cast<std::int64_t>(size)}) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::int64_t)) {
      if (size_ < 0) throw_too_large(size);
    } else if (size_ < 0) {
      throw_negative(size_);
    }
  }
  /// A symbol; throws Error(invalid_argument) for a name that is empty, begins with a digit, or holds a space
  /// or one of + - * / ^ ( ) [ ] , which have a meaning in formulas.
  Dim(std::string_view symbol);
  Dim(const char* symbol) : Dim(std::string_view(symbol)) {}
  Dim(const std::string& symbol) : Dim(std::string_view(symbol)) {}

  bool is_number() const noexcept { return form_ == nullptr; }
  /// Whether this is a single symbol.
  bool is_symbol() const noexcept;
  /// The number; throws Error(shape_mismatch) if this is not a number.
  std::int64_t size() const;
  /// The name, if this is a single symbol; otherwise empty.
  const std::string& symbol() const noexcept;
  /// The names of all symbols that this depends on, sorted.
  std::vector<std::string> symbols() const;
  /// Whether this is the number `size`; a dimension that depends on a symbol equals no number.
  bool is(std::int64_t size) const noexcept { return is_number() && size_ == size; }

  /// The same dimension with the known symbols replaced by their numbers. Throws Error(shape_mismatch) where
  /// it becomes negative, Error(invalid_argument) on overflow.
  Dim bind(const Bindings& bindings) const;

  /// These throw Error(invalid_argument) where the result is a negative number or does not fit 63 bits.
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  /// a / b rounded down; throws Error(invalid_argument) where b is 0.
  friend Dim floor_div(const Dim& a, const Dim& b);
  /// a / b if that is exact for all sizes of the symbols; empty if there is or may be a remainder.
  friend std::optional<Dim> exact_div(const Dim& a, const Dim& b);
  /// True if a <= b for all sizes of the symbols, false if for none; empty if it depends on them.
  friend std::optional<bool> at_most(const Dim& a, const Dim& b);
  /// Whether the normal forms are equal, or differ in a quotient, whose rounding only a run knows.
  friend bool may_be_equal(const Dim& a, const Dim& b);

  friend bool operator==(const Dim& a, const Dim& b) {
    if (a.is_number() || b.is_number()) return a.is_number() && b.is_number() && a.size_ == b.size_;
    return a.form_ == b.form_ || same_form(a, b);
  }

 private:
  struct Number {
    std::int64_t size;
  };
  explicit Dim(Number number) noexcept : size_(number.size) {}
  explicit Dim(detail::Polynomial form);

  [[noreturn]] static void throw_negative(std::int64_t size);
  [[noreturn]] static void throw_too_large(std::uint64_t size);
  static bool same_form(const Dim& a, const Dim& b);
  detail::Polynomial polynomial() const;

  friend std::string to_string(const Dim& dim);

  std::int64_t size_ = 0;                           // if it is a number
  std::shared_ptr<const detail::Polynomial> form_;  // if it is not a number
};

Dim floor_div(const Dim& a, const Dim& b);
std::optional<Dim> exact_div(const Dim& a, const Dim& b);
std::optional<bool> at_most(const Dim& a, const Dim& b);
bool may_be_equal(const Dim& a, const Dim& b);

/// "64", "batch", "b*64", "(h + 1)//2 + 3".
std::string to_string(const Dim& dim);

}  // namespace weft
