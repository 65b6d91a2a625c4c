#pragma once
// A Where is the place in a program where something was written: file, line and function. Functions that take
// one get the place of their caller by default, as with std::source_location. Bindings to other languages
// make one from their own strings, which it copies. Copies are cheap; threads may share a const Where.

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

class Where {
 public:
  /// No place: empty strings and line 0.
  Where() = default;
  Where(const std::source_location& place) noexcept
      : file_(place.file_name()), function_(place.function_name()), line_(place.line()) {}
  /// A place that is only known at run time; the strings are copied.
  Where(std::string_view file, std::uint32_t line, std::string_view function = {}) : line_(line) {
    auto texts = std::make_shared<const std::pair<std::string, std::string>>(file, function);
    file_ = texts->first.c_str();
    function_ = texts->second.c_str();
    texts_ = std::move(texts);
  }
  /// For default arguments: the place of the call.
  static Where current(const std::source_location& place = std::source_location::current()) noexcept {
    return place;
  }

  std::string_view file() const noexcept { return file_; }
  std::string_view function() const noexcept { return function_; }
  std::uint32_t line() const noexcept { return line_; }
  /// Whether no place is known.
  bool is_empty() const noexcept { return *file_ == '\0'; }

  friend bool operator==(const Where& a, const Where& b) noexcept {
    return a.line_ == b.line_ && a.file() == b.file() && a.function() == b.function();
  }

 private:
  const char* file_ = "";
  const char* function_ = "";
  std::uint32_t line_ = 0;
  std::shared_ptr<const std::pair<std::string, std::string>>
      texts_;  // the strings of a place that is only known at run time
};

/// "model.cpp:17", the file without its folders; "" for no place.
std::string to_string(const Where& where);

}  // namespace weft
