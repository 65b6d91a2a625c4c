#include "weft/frontends/report/gnuplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/report/process.h"
#include "weft/graph/error.h"
#include "weft/runtime/files/file_system.h"

namespace weft::mnist {
namespace {

/// Okabe and Ito's colours, which the colour-blind tell apart, with marks and dashes for print.
struct Style {
  const char* colour;
  int mark;  // gnuplot's point type
  int dash;
};
constexpr std::array kStyles{Style{"#0072B2", 5, 1},  Style{"#E69F00", 9, 1},  Style{"#009E73", 7, 1},
                             Style{"#CC79A7", 11, 1}, Style{"#D55E00", 13, 1}, Style{"#000000", 15, 1},
                             Style{"#56B4E9", 4, 2},  Style{"#777777", 8, 2},  Style{"#8B4513", 6, 2},
                             Style{"#5D3A9B", 10, 2}, Style{"#117733", 12, 2}, Style{"#AA4499", 14, 2}};

const Style& style(std::size_t index) { return kStyles[index % kStyles.size()]; }

/// Inside double quotes; titles are not marked up.
std::string quoted(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '`') continue;
    safe += c;
  }
  return fmt::format("\"{}\"", safe);
}

std::string labels(const std::string& title, const std::string& x, const std::string& y) {
  std::string text = fmt::format("set title {} noenhanced\n", quoted(title));
  // A line of nothing keeps a legend below from touching it.
  if (!x.empty()) text += fmt::format("set xlabel {} noenhanced\n", quoted(x));
  if (!y.empty()) text += fmt::format("set ylabel {} noenhanced\n", quoted(y));
  return text;
}

std::string ticks(const std::vector<std::pair<double, std::string>>& marks) {
  std::string list;
  for (const auto& [at, text] : marks)
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", quoted(text), at);
  return list;
}

double lowest_above_zero(const LineChart& chart) {
  double lowest = 0.0;
  for (const ChartLine& line : chart.lines) {
    for (const ChartPoint& point : line.points) {
      if (point.y > 0.0 && (lowest == 0.0 || point.y < lowest)) lowest = point.y;
    }
  }
  return lowest;
}

std::string line_data(const ChartLine& line, std::size_t index, double shift, double floor) {
  std::string text = fmt::format("$line{} << EOD\n", index);
  for (const ChartPoint& point : line.points) {
    text += fmt::format("{} {} {} {}\n", point.x + shift, std::max(point.y, floor),
                        std::max(point.low, floor), std::max(point.high, floor));
  }
  return text + "EOD\n";
}

/// Rows and columns are given, for gnuplot leaves out entries of a key that it finds too large for its
/// margin.
struct Legend {
  std::size_t columns;
  std::size_t rows;
};

Legend legend_of(const LineChart& chart) {
  constexpr std::size_t kLongTitle = 24;
  const bool two =
      std::ranges::all_of(chart.lines, [](const ChartLine& line) { return line.title.size() < kLongTitle; });
  const std::size_t columns = two ? 2 : 1;
  return {.columns = columns, .rows = (chart.lines.size() + columns - 1) / columns};
}

/// Few steps on an x axis of whole numbers: gnuplot would name fractions between them.
bool is_short(const LineChart& chart) {
  constexpr std::size_t kFew = 12;
  return std::ranges::all_of(chart.lines, [](const ChartLine& line) { return line.points.size() <= kFew; });
}

bool has_intervals(const ChartLine& line) {
  return std::ranges::any_of(line.points, [](const ChartPoint& point) { return point.high > point.low; });
}

std::string image_ticks(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list += fmt::format("{}{} {}", i == 0 ? "" : ", ", quoted(names[i]), i);
  }
  return fmt::format("set xtics ({0}) scale 0\nset ytics ({0}) scale 0\n", list);
}

}  // namespace

std::string script_of(const LineChart& chart) {
  std::string text = labels(chart.title, chart.x_label, chart.y_label);
  text +=
      "set grid ytics lc rgb \"#dddddd\"\nset border 3 lc rgb \"#444444\"\nset xtics nomirror\n"
      "set ytics nomirror\nset offsets graph 0.05, graph 0.05, 0, 0\nset bars 0.6\n";
  text += fmt::format("set key bmargin center vertical maxrows {} width -2 samplen 2 noenhanced\n",
                      std::max<std::size_t>(legend_of(chart).rows, 1));
  if (chart.x_ticks.empty() && is_short(chart)) text += "set xtics 1\n";
  if (!chart.x_ticks.empty()) text += fmt::format("set xtics ({})\n", ticks(chart.x_ticks));
  if (chart.from_zero) text += "set yrange [0:*]\n";
  if (chart.logarithmic) text += "set logscale y\nset format y \"%g\"\n";
  // Marks of one place stand beside each other where the places are named.
  const double spread = chart.x_ticks.empty() ? 0.0 : 0.03;
  const double floor = chart.logarithmic ? lowest_above_zero(chart) / 10.0 : -HUGE_VAL;
  const double middle = (static_cast<double>(chart.lines.size()) - 1.0) / 2.0;
  std::string plots;
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    text += line_data(line, i, spread * (static_cast<double>(i) - middle), floor);
    const Style& look = style(line.style);
    plots += fmt::format("{}$line{} using {} lc rgb \"{}\" pt {} dt {} lw 1.6 ps 0.9 title {}",
                         plots.empty() ? "plot " : ", \\\n  ", i,
                         has_intervals(line) ? "1:2:3:4 with yerrorlines" : "1:2 with linespoints",
                         look.colour, look.mark, look.dash, quoted(line.title));
  }
  return text + plots + "\n";
}

std::string script_of(const BarChart& chart) {
  std::string text = labels(chart.title, "", chart.y_label);
  text +=
      "set grid ytics lc rgb \"#dddddd\"\nset border 3 lc rgb \"#444444\"\nset ytics nomirror\n"
      "set yrange [0:*]\nset boxwidth 0.6\nset style fill solid 0.85 border lc rgb \"#444444\"\nunset key\n"
      "set xtics nomirror rotate by -30 left noenhanced\nset offsets 0.3, 0.3, graph 0.1, 0\n$bars << EOD\n";
  std::vector<std::pair<double, std::string>> names;
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    text += fmt::format("{} {} {}\n", i, bar.value,
                        std::stol(std::string(style(bar.style).colour + 1), nullptr, 16));
    names.emplace_back(static_cast<double>(i), bar.label);
  }
  return text + fmt::format("EOD\nset xtics ({})\n", ticks(names)) +
         "plot $bars using 1:2:3 with boxes lc rgb variable, $bars using 1:2:2 with labels offset 0,0.6\n";
}

std::string script_of(const ImageChart& chart) {
  std::string text = labels(chart.title, chart.x_label, chart.y_label);
  text += "set yrange [*:*] reverse\nset autoscale fix\nunset key\nunset colorbox\nset size ratio -1\n";
  text += chart.shades == ImageChart::Shades::ink
              ? "set palette defined (0 \"#ffffff\", 1 \"#222222\")\n"
              : "set palette defined (-1 \"#0072B2\", 0 \"#ffffff\", 1 \"#D55E00\")\n";
  double most = 0.0;
  for (const double value : chart.values) most = std::max(most, std::abs(value));
  if (most == 0.0) most = 1.0;
  text += fmt::format("set cbrange [{}:{}]\n", chart.shades == ImageChart::Shades::ink ? 0.0 : -most, most);
  text += chart.ticks.empty() ? "unset border\nunset tics\n" : image_ticks(chart.ticks);
  for (const ImageChart::Text& mark : chart.texts) {
    text += fmt::format("set label {} at {},{} center front noenhanced tc rgb \"{}\"\n", quoted(mark.text),
                        mark.column, mark.row, mark.light ? "#ffffff" : "#222222");
  }
  text += "$image << EOD\n";
  for (std::size_t i = 0; i < chart.values.size(); ++i) {
    const bool last = (i + 1) % chart.columns == 0;
    text += fmt::format("{:.4g}{}", chart.values[i], last ? '\n' : ' ');
  }
  return text + "EOD\nplot $image matrix with image\n";
}

double aspect_of(const LineChart& chart) {
  constexpr double kPlot = 0.64;
  constexpr double kLegendRow = 0.036;
  return kPlot + kLegendRow * static_cast<double>(legend_of(chart).rows);
}

bool draw(const std::filesystem::path& folder, const std::string& name, const std::string& script,
          double aspect) {
  constexpr int kWidth = 560;
  const int height = static_cast<int>(kWidth * aspect);
  const std::string all = fmt::format(
      "# Drawn by: gnuplot {0}.gp\nset encoding utf8\n"
      "set terminal pngcairo size {1},{2} font \"DejaVu Sans,23\" linewidth 2 pointscale 3 background "
      "rgb \"white\"\n"
      "set output \"{0}.png\"\n{5}\n"
      "set terminal svg size {3},{4} font \"DejaVu Sans,12\" background rgb \"white\"\n"
      "set output \"{0}.svg\"\nreplot\nunset output\n",
      name, 2 * kWidth, 2 * height, kWidth, height, script);
  write_text_file(folder / (name + ".gp"), all);
  const auto result = run_process({"gnuplot", name + ".gp"}, {.folder = folder.string()});
  if (!result) return false;
  if (result->exit_code != 0) {
    throw Error(ErrorCode::internal,
                fmt::format("gnuplot could not draw {}", (folder / (name + ".gp")).string()));
  }
  return true;
}

}  // namespace weft::mnist
