#include "weft/frontends/report/html.h"

#include <fmt/format.h>

#include <cstdint>

namespace weft::mnist {
namespace {

// Wide tables scroll beside their first column and figures shrink, so that the page fits a phone.
constexpr std::string_view kStyle = R"(
:root{color-scheme:light}
body{font:16px/1.5 system-ui,"DejaVu Sans",sans-serif;color:#222;background:#fff;margin:0 auto;max-width:1180px;padding:0 16px 48px}
h1{font-size:1.7rem;line-height:1.25;margin:1.2em 0 .4em}
h2{font-size:1.25rem;margin:2em 0 .5em;border-bottom:2px solid #ddd;padding-bottom:.2em}
p,ul{max-width:52rem}li{margin:.3em 0}
.summary{background:#f3f6fa;border-left:4px solid #0072b2;padding:.6em 1em;max-width:52rem}
.warning{background:#fff4e5;border-left:4px solid #d55e00;padding:.6em 1em;max-width:52rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:20px}
figure{margin:0}figure img{width:100%;height:auto;border:1px solid #e3e3e3}
figcaption{font-size:.9rem;color:#555;padding:.2em 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;margin:.5em 0}
th,td{padding:.3em .6em;border-bottom:1px solid #e3e3e3;text-align:left;white-space:nowrap}
th{background:#f3f6fa}td:first-child{font-weight:600}
td:first-child,th:first-child{position:sticky;left:0}td:first-child{background:#fff}
pre{background:#f6f6f6;padding:.7em;overflow-x:auto}
@media print{body{max-width:none}.scroll{overflow:visible}}
)";

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string data_address(std::string_view media_type, std::string_view bytes) {
  constexpr std::size_t kGroup = 3;
  constexpr std::size_t kSix = 6;
  constexpr std::uint32_t kLowSix = 63;
  std::string text = fmt::format("data:{};base64,", media_type);
  for (std::size_t i = 0; i < bytes.size(); i += kGroup) {
    const std::size_t count = std::min(kGroup, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < kGroup; ++k) {
      group = group << 8U | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k <= kGroup; ++k) {
      text += k <= count ? kAlphabet[group >> (kSix * (kGroup - k)) & kLowSix] : '=';
    }
  }
  return text;
}

std::string html_of(const HtmlTable& table) {
  std::string html = "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& text : table.head) html += fmt::format("<th>{}</th>", escaped(text));
  html += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const std::string& cell : row) html += fmt::format("<td>{}</td>", cell);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string heading(std::string_view text) { return fmt::format("<h2>{}</h2>\n", escaped(text)); }

std::string paragraph(std::string_view text) { return fmt::format("<p>{}</p>\n", escaped(text)); }

std::string bullets(const std::vector<std::string>& texts) {
  std::string html = "<ul>\n";
  for (const std::string& text : texts) html += fmt::format("<li>{}</li>\n", escaped(text));
  return html + "</ul>\n";
}

std::string page(std::string_view title, std::string_view body) {
  // An icon of its own: without one, browsers ask for a file that is not there.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" "
      "href=\"data:,\">"
      "<title>{0}</title><style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      escaped(title), kStyle, body);
}

}  // namespace weft::mnist
