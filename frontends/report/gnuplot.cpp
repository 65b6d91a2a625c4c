#include "weft/frontends/report/gnuplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/report/file_name.h"
#include "weft/frontends/report/process.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"

namespace weft::report {
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
constexpr std::array kReferences{Style{"#555555", 1, 3}, Style{"#999999", 2, 3}, Style{"#777777", 3, 4}};

const Style& style(std::size_t index, bool reference = false) {
  return reference ? kReferences[index % kReferences.size()] : kStyles[index % kStyles.size()];
}

constexpr std::size_t kLongestTitle = 70;
constexpr std::size_t kLongestLegend = 48;
constexpr std::size_t kLongestTick = 28;

/// A number of a data file; what is not finite is left out of the plot.
std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "NaN"; }

std::string labels(const std::string& title, const std::string& x, const std::string& y) {
  std::string text = fmt::format("set title {} noenhanced\n", gnuplot_text(title, kLongestTitle));
  if (!x.empty()) text += fmt::format("set xlabel {} noenhanced\n", gnuplot_text(x, kLongestTitle));
  if (!y.empty()) text += fmt::format("set ylabel {} noenhanced\n", gnuplot_text(y, kLongestTitle));
  return text;
}

/// A tick's text is a format string, in which "%%" is a percent sign.
std::string tick_text(std::string_view text) {
  std::string format;
  for (const char c : gnuplot_text(text, kLongestTick)) format += c == '%' ? "%%" : std::string(1, c);
  return format;
}

std::string ticks(const std::vector<std::pair<double, std::string>>& marks) {
  std::string list;
  for (const auto& [at, text] : marks)
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", tick_text(text), number(at));
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

/// One block of the data file, which two empty lines end.
std::string block(const std::string& lines) { return lines + "\n\n"; }

std::string line_data(const ChartLine& line, double shift, double floor) {
  std::string text;
  for (const ChartPoint& point : line.points) {
    text += fmt::format("{} {} {} {}\n", number(point.x + shift), number(std::max(point.y, floor)),
                        number(std::max(point.low, floor)), number(std::max(point.high, floor)));
  }
  // An empty block would not count, and the next block would take its place.
  return block(text.empty() ? "NaN NaN NaN NaN\n" : text);
}

/// The rows and columns of the legend. They are given because gnuplot leaves out entries of a key that seems
/// too large for its margin.
struct Legend {
  std::size_t columns;
  std::size_t rows;
};

Legend legend_of(const LineChart& chart) {
  constexpr std::size_t kLongTitle = 34;
  const bool two = std::ranges::all_of(chart.lines, [](const ChartLine& line) {
    return characters_in(shortened(line.title, kLongestLegend)) < kLongTitle;
  });
  const std::size_t columns = two ? 2 : 1;
  return {.columns = columns, .rows = (chart.lines.size() + columns - 1) / columns};
}

/// Whether an x axis of whole numbers has so few steps that gnuplot would name fractions between them.
bool is_short(const LineChart& chart) {
  constexpr std::size_t kFew = 12;
  return std::ranges::all_of(chart.lines, [](const ChartLine& line) { return line.points.size() <= kFew; });
}

bool has_intervals(const ChartLine& line) {
  return std::ranges::any_of(line.points, [](const ChartPoint& point) { return point.high > point.low; });
}

std::string image_ticks(const std::vector<std::string>& names) {
  std::vector<std::pair<double, std::string>> marks;
  for (const std::string& name : names) marks.emplace_back(static_cast<double>(marks.size()), name);
  return fmt::format("set xtics ({0}) scale 0\nset ytics ({0}) scale 0\n", ticks(marks));
}

double rgb(const Style& look) {
  return static_cast<double>(std::stol(std::string(look.colour + 1), nullptr, 16));
}

}  // namespace

std::string gnuplot_text(std::string_view text, std::size_t most) {
  // gnuplot takes two quotes for one only after another character: at the start of a text, or twice in a row,
  // they would end the literal. Therefore the literal has no quote at all.
  std::string literal = "'";
  for (const char c : shortened(text, most)) literal += c == '\'' ? "’" : std::string(1, c);
  return literal + "'";
}

Script script_of(const LineChart& chart) {
  std::string text = labels(chart.title, chart.x_label, chart.y_label);
  text +=
      "set grid ytics lc rgb '#dddddd'\nset border 3 lc rgb '#444444'\nset xtics nomirror noenhanced\n"
      "set ytics nomirror\nset offsets graph 0.05, graph 0.05, 0, 0\nset bars 0.6\nset xlabel offset 0,0.3\n";
  // The legend is at the bottom of the picture; the margin above it holds the texts of the axis.
  constexpr double kAxisTexts = 4.0;
  constexpr double kLegendRow = 0.82;
  const std::size_t rows = std::max<std::size_t>(legend_of(chart).rows, 1);
  text += fmt::format(
      "set key at screen 0.5,0.015 center bottom vertical maxrows {} samplen 2 noenhanced\nset bmargin "
      "{:.1f}\n",
      rows, kAxisTexts + kLegendRow * static_cast<double>(rows));
  if (chart.x_ticks.empty() && is_short(chart)) text += "set xtics 1\n";
  if (!chart.x_ticks.empty()) text += fmt::format("set xtics ({})\n", ticks(chart.x_ticks));
  if (chart.from_zero) text += "set yrange [0:*]\n";
  if (chart.percent) text += "set yrange [0<*:*<100]\n";
  if (chart.logarithmic) text += "set logscale y\nset format y '%g'\n";
  // If the places on the x axis have names, marks at one place are drawn side by side.
  const double spread = chart.x_ticks.empty() ? 0.0 : 0.03;
  const double floor = chart.logarithmic ? lowest_above_zero(chart) / 10.0 : -HUGE_VAL;
  const double middle = (static_cast<double>(chart.lines.size()) - 1.0) / 2.0;
  Script script{.commands = "", .data = "", .legend = true};
  std::string plots;
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    script.data += line_data(line, line.reference ? 0.0 : spread * (static_cast<double>(i) - middle), floor);
    const Style& look = style(line.style, line.reference);
    plots += fmt::format("{}data index {} using {} lc rgb '{}' pt {} dt {} lw 1.6 ps 0.9 title {}",
                         plots.empty() ? "plot " : ", \\\n  ", i,
                         has_intervals(line) ? "1:2:3:4 with yerrorlines" : "1:2 with linespoints",
                         look.colour, look.mark, look.dash, gnuplot_text(line.title, kLongestLegend));
  }
  script.commands = text + plots + "\n";
  return script;
}

Script script_of(const BarChart& chart) {
  Script script;
  script.commands = labels(chart.title, "", chart.y_label);
  script.commands +=
      "set grid ytics lc rgb '#dddddd'\nset border 3 lc rgb '#444444'\nset ytics nomirror\n"
      "set yrange [0:*]\nset boxwidth 0.6\nset style fill solid 0.85 border lc rgb '#444444'\nunset key\n"
      "set xtics nomirror rotate by -30 left noenhanced\nset offsets 0.3, 0.3, graph 0.1, 0\n"
      "set rmargin 12\n";
  std::vector<std::pair<double, std::string>> names;
  for (const Bar& bar : chart.bars) {
    const auto place = static_cast<double>(names.size());
    script.data += fmt::format("{} {} {}\n", place, number(bar.value),
                               number(rgb(bar.reference ? Style{"#bbbbbb", 1, 1} : style(bar.style))));
    names.emplace_back(place, bar.label);
  }
  script.commands += fmt::format("set xtics ({})\n", ticks(names));
  script.commands +=
      "plot data using 1:2:3 with boxes lc rgb variable, data using 1:2:2 with labels offset 0,0.6\n";
  return script;
}

Script script_of(const ImageChart& chart) {
  std::string text = labels(chart.title, chart.x_label, chart.y_label);
  text += "set yrange [*:*] reverse\nset autoscale fix\nunset key\nunset colorbox\nset size ratio -1\n";
  text += chart.shades == ImageChart::Shades::ink
              ? "set palette defined (0 '#ffffff', 1 '#222222')\n"
              : "set palette defined (-1 '#0072B2', 0 '#ffffff', 1 '#D55E00')\n";
  double most = 0.0;
  for (const double value : chart.values) most = std::max(most, std::abs(value));
  if (most == 0.0 || !std::isfinite(most)) most = 1.0;
  text += fmt::format("set cbrange [{}:{}]\n", chart.shades == ImageChart::Shades::ink ? 0.0 : -most, most);
  text += chart.ticks.empty() ? "unset border\nunset tics\n" : image_ticks(chart.ticks);
  for (const ImageChart::Text& mark : chart.texts) {
    text += fmt::format("set label {} at {},{} center front noenhanced tc rgb '{}'\n",
                        gnuplot_text(mark.text, kLongestTick), mark.column, mark.row,
                        mark.light ? "#ffffff" : "#222222");
  }
  Script script{.commands = text + "plot data matrix with image\n", .data = "", .legend = false};
  for (std::size_t i = 0; i < chart.values.size(); ++i) {
    const bool last = (i + 1) % chart.columns == 0;
    script.data += std::isfinite(chart.values[i]) ? fmt::format("{:.4g}", chart.values[i]) : "NaN";
    script.data += last ? '\n' : ' ';
  }
  return script;
}

Script script_of(const Diagram& diagram) {
  std::string text = labels(diagram.title, "", "");
  text += "unset border\nunset tics\nunset key\nset offsets graph 0.03, graph 0.03, 0, 0\n";
  for (const Diagram::Text& label : diagram.texts) {
    text += fmt::format("set label {} at {},{} center front noenhanced tc rgb '#222222'\n",
                        gnuplot_text(label.text, kLongestLegend), label.x, label.y);
  }
  // gnuplot ignores texts when it computes the extent of a plot.
  double lowest = 0.0;
  double highest = 0.0;
  for (const Diagram::Text& label : diagram.texts) {
    lowest = std::min(lowest, label.y);
    highest = std::max(highest, label.y);
  }
  for (const Diagram::Circle& circle : diagram.circles) {
    lowest = std::min(lowest, circle.y);
    highest = std::max(highest, circle.y);
  }
  text += fmt::format("set yrange [{}:{}]\n", lowest - 0.5, highest + 0.5);
  std::string lines;
  for (const Diagram::Line& line : diagram.lines) {
    lines += fmt::format("{} {} {} {}\n", number(line.from_x), number(line.from_y),
                         number(line.to_x - line.from_x), number(line.to_y - line.from_y));
  }
  std::string circles;
  for (const Diagram::Circle& circle : diagram.circles) {
    circles +=
        fmt::format("{} {} {}\n", number(circle.x), number(circle.y), number(rgb(style(circle.style))));
  }
  text +=
      "plot data index 0 with vectors nohead lc rgb '#bbbbbb' lw 0.5, \\\n"
      "  data index 1 using 1:2:3 with points pt 7 ps 1.3 lc rgb variable\n";
  return {.commands = text, .data = block(lines) + block(circles), .legend = false};
}

double aspect_of(const LineChart& chart) {
  constexpr double kPlot = 0.72;
  constexpr double kLegendRow = 0.028;
  return kPlot + kLegendRow * static_cast<double>(legend_of(chart).rows);
}

bool draw(const std::filesystem::path& folder, const std::string& name, const Script& script, double aspect) {
  constexpr int kWidth = 560;
  if (file_name_from(name) != name) {
    throw Error(ErrorCode::invalid_argument, "a figure's name is the name of its files",
                {.expected = "letters, digits and '-'", .actual = fmt::format("'{}'", shortened(name, 60))});
  }
  const int height = static_cast<int>(kWidth * aspect);
  // Setting the legend's font would add a legend to a chart that has none.
  const auto legend = [&](int size) {
    return script.legend ? fmt::format("set key font ',{}'\n", size) : "";
  };
  const std::string all = fmt::format(
      "# Drawn by: gnuplot {0}.gp; its numbers are in {0}.dat\nset encoding utf8\ndata = '{0}.dat'\n"
      "set terminal pngcairo noenhanced size {1},{2} font 'DejaVu Sans,23' linewidth 2 pointscale 3 "
      "background rgb 'white'\n"
      "set output '{0}.png'\n{6}{5}\n"
      "set terminal svg noenhanced size {3},{4} font 'DejaVu Sans,12' background rgb 'white'\n"
      "set output '{0}.svg'\n{7}replot\nunset output\n",
      name, 2 * kWidth, 2 * height, kWidth, height, script.commands, legend(19), legend(10));
  write_text_file(folder / (name + ".dat"), script.data);
  write_text_file(folder / (name + ".gp"), all);
  // A user's own settings for gnuplot are left out, so that figures look alike everywhere.
  const auto result = run_process({"gnuplot", "--default-settings", name + ".gp"},
                                  {.folder = folder.string(), .errors = ErrorStream::keep_with_output});
  if (!result) return false;
  if (result->exit_code != 0) {
    throw Error(ErrorCode::internal,
                fmt::format("gnuplot could not draw {}", (folder / (name + ".gp")).string()),
                {.actual = shortened(result->out, 200)});
  }
  return true;
}

}  // namespace weft::report
