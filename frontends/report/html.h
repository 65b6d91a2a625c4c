#pragma once
// Pieces of a self-contained page. Pure functions from data to text.

#include <string>
#include <string_view>
#include <vector>

namespace weft::mnist {

/// Text as HTML shows it.
std::string escaped(std::string_view text);

/// An address that holds the file itself (RFC 4648 and 2397).
std::string data_address(std::string_view media_type, std::string_view bytes);

struct HtmlTable {
  std::vector<std::string> head;               // texts
  std::vector<std::vector<std::string>> rows;  // HTML; a row's first cell names it
};
std::string html_of(const HtmlTable& table);

std::string heading(std::string_view text);
std::string paragraph(std::string_view text);
std::string bullets(const std::vector<std::string>& texts);

/// The whole page around `body`, with its style.
std::string page(std::string_view title, std::string_view body);

}  // namespace weft::mnist
