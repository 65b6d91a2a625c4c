#include "weft/frontends/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "weft/graph/text.h"

namespace weft::report {
namespace {

// Wide tables scroll beside their first column and figures shrink, so that the page fits a phone.
constexpr std::string_view kStyle = R"(
:root{color-scheme:light}
body{font:16px/1.5 system-ui,"DejaVu Sans",sans-serif;color:#222;background:#fff;margin:0 auto;max-width:1180px;padding:0 16px 48px;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25;margin:1.2em 0 .4em}
h2{font-size:1.25rem;margin:2em 0 .5em;border-bottom:2px solid #ddd;padding-bottom:.2em}
p,ul{max-width:52rem}li{margin:.3em 0}
.summary{background:#f3f6fa;border-left:4px solid #0072b2;padding:.6em 1em;max-width:52rem}
.warning{background:#fff4e5;border-left:4px solid #d55e00;padding:.6em 1em;max-width:52rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:20px;align-items:start}
figure{margin:0}figure img{width:100%;height:auto;border:1px solid #e3e3e3}
figcaption{font-size:.9rem;color:#555;padding:.2em 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;margin:.5em 0}
th,td{padding:.3em .6em;border-bottom:1px solid #e3e3e3;text-align:left;vertical-align:top;white-space:nowrap}
th{background:#f3f6fa;vertical-align:bottom}th{white-space:normal}td:first-child{font-weight:600}
.prose td{white-space:normal;min-width:7rem}.prose td:first-child,.prose th:first-child{white-space:nowrap;min-width:3rem}
td:first-child,th:first-child{position:sticky;left:0}td:first-child{background:#fff}
pre{background:#f6f6f6;padding:.7em;overflow-x:auto}
@media print{body{max-width:none}.scroll{overflow:visible}}
)";

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An element with its content, with a class or without.
Html element(std::string_view tag, const Html& inside, std::string_view look = "") {
  return Html::markup(fmt::format("<{0}{1}{2}{3}>{4}</{0}>\n", tag, look.empty() ? "" : " class=\"", look,
                                  look.empty() ? "" : "\"", inside.str()));
}

}  // namespace

std::string Html::escaped(std::string_view text) {
  std::string html;
  for (const char c : printable(text)) {
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
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

Html Html::markup(std::string text) {
  Html html;
  html.markup_ = std::move(text);
  return html;
}

Html& Html::operator+=(const Html& more) {
  markup_ += more.markup_;
  return *this;
}

Html bold(const Html& text) { return Html::markup(fmt::format("<b>{}</b>", text.str())); }

Html stacked(const std::vector<std::string>& texts) {
  Html html;
  for (const std::string& text : texts) {
    if (!html.empty()) html += Html::markup("<br>");
    html += text;
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

Html html_of(const HtmlTable& table) {
  std::string html =
      fmt::format("<div class=\"scroll\"><table{}><thead><tr>", table.prose ? " class=\"prose\"" : "");
  for (const Html& cell : table.head) html += fmt::format("<th>{}</th>", cell.str());
  html += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const Html& cell : row) html += fmt::format("<td>{}</td>", cell.str());
    html += "</tr>\n";
  }
  return Html::markup(html + "</tbody></table></div>\n");
}

Html picture(std::string_view media_type, std::string_view bytes, std::string_view caption) {
  const Html text = caption;
  return Html::markup(fmt::format("<figure><img src=\"{}\" alt=\"{}\"><figcaption>{}</figcaption></figure>\n",
                                  data_address(media_type, bytes), text.str(), text.str()));
}

Html gallery(const std::vector<Html>& pictures) {
  Html inside;
  for (const Html& one : pictures) inside += one;
  return element("div", inside, "figures");
}

Html heading(std::string_view text) { return element("h2", text); }

Html subheading(std::string_view text) { return element("h3", text); }

Html paragraph(const Html& text) { return element("p", text); }

Html bullets(const std::vector<std::string>& texts) {
  Html items;
  for (const std::string& text : texts) items += element("li", text);
  return element("ul", items);
}

Html warning(std::string_view text) { return element("p", text, "warning"); }

Html summary_box(const Html& inside) { return element("div", inside, "summary"); }

Html code(std::string_view text) { return element("pre", text); }

std::string page(std::string_view title, const Html& body) {
  // The page has its own icon; without one, browsers ask for a missing file. Its policy forbids scripts and
  // fetches, whatever the page holds.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" "
      "href=\"data:,\">"
      "<title>{0}</title><style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      Html(title).str(), kStyle, body.str());
}

}  // namespace weft::report
