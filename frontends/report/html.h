#pragma once
// Pieces of a self-contained page. Pure functions from data to text.

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace weft::report {

/// A piece of HTML. Text becomes HTML only by escaping, so that no name can contain markup: a tag, the end of
/// an attribute, a script. Markup must be made by markup().
class Html {
 public:
  Html() = default;
  /// Escapes any text.
  template <typename Text>
    requires std::convertible_to<const Text&, std::string_view>
  Html(const Text& text) : markup_(escaped(text)) {}  // NOLINT(google-explicit-constructor)
  /// Takes text that is HTML already. Never use it for text from outside.
  static Html markup(std::string text);

  const std::string& str() const { return markup_; }
  bool empty() const { return markup_.empty(); }
  Html& operator+=(const Html& more);
  friend Html operator+(Html a, const Html& b) { return a += b; }

 private:
  static std::string escaped(std::string_view text);

  std::string markup_;
};

Html bold(const Html& text);

/// The texts, one below the other.
Html stacked(const std::vector<std::string>& texts);

/// A data address, which holds the file itself (RFC 4648 and 2397).
std::string data_address(std::string_view media_type, std::string_view bytes);

struct HtmlTable {
  std::vector<Html> head;
  std::vector<std::vector<Html>> rows;  // a row's first cell names it
  bool prose = false;                   // the cells are sentences, which may wrap
};
Html html_of(const HtmlTable& table);

/// A picture that is embedded in the page, above its caption.
Html picture(std::string_view media_type, std::string_view bytes, std::string_view caption);
/// Several pictures side by side.
Html gallery(const std::vector<Html>& pictures);

Html heading(std::string_view text);
Html subheading(std::string_view text);
Html paragraph(const Html& text);
Html bullets(const std::vector<std::string>& texts);
Html warning(std::string_view text);
/// A box for the most important sentences.
Html summary_box(const Html& inside);
/// A command line.
Html code(std::string_view text);

/// The whole page around `body`, with its style.
std::string page(std::string_view title, const Html& body);

}  // namespace weft::report
