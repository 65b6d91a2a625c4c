#pragma once
// Charts as gnuplot scripts, each with its numbers in a file beside it, so that everybody who has the two
// files can draw the figure again or differently. Pure functions from data to text; only `draw` runs gnuplot.
// Texts in a chart may hold anything: gnuplot never takes them for commands.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::report {

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
  double low = 0.0;
  double high = 0.0;
};

struct ChartLine {
  std::string title;
  std::size_t style = 0;  // colour, mark and dash, which differ in print too
  std::vector<ChartPoint> points;
  bool reference = false;  // numbers from elsewhere, drawn grey and dashed
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<std::pair<double, std::string>> x_ticks;  // empty: whole numbers
  bool from_zero = false;                               // the y axis
  bool logarithmic = false;                             // the y axis
  bool percent = false;                                 // the y axis is limited to 0 to 100
  std::vector<ChartLine> lines;
};

struct Bar {
  std::string label;
  double value = 0.0;
  std::size_t style = 0;
  bool reference = false;
};

struct BarChart {
  std::string title;
  std::string y_label;
  std::vector<Bar> bars;
};

/// Numbers as shades in rows and columns, from top to bottom.
struct ImageChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::size_t columns = 0;
  std::vector<double> values;  // row after row
  struct Text {
    double column = 0.0;
    double row = 0.0;
    std::string text;
    bool light = false;  // for a dark shade
  };
  std::vector<Text> texts;
  std::vector<std::string> ticks;                                        // of both axes; empty: no axes
  enum class Shades : std::uint8_t { ink, signs } shades = Shades::ink;  // signs: blue, white for 0, red
};

/// Circles, lines between them, and texts, in a plane whose y axis points up.
struct Diagram {
  std::string title;
  struct Circle {
    double x = 0.0;
    double y = 0.0;
    std::size_t style = 0;
  };
  struct Line {
    double from_x = 0.0;
    double from_y = 0.0;
    double to_x = 0.0;
    double to_y = 0.0;
  };
  struct Text {
    double x = 0.0;
    double y = 0.0;
    std::string text;
  };
  std::vector<Circle> circles;
  std::vector<Line> lines;
  std::vector<Text> texts;
};

/// What `draw` writes: commands, without the names of output files, and the numbers that they plot.
struct Script {
  std::string commands;
  std::string data;
  bool legend = false;
};
Script script_of(const LineChart& chart);
Script script_of(const BarChart& chart);
Script script_of(const ImageChart& chart);
Script script_of(const Diagram& diagram);

/// A text as gnuplot's literal, one line of at most `most` characters. It is in single quotes, where gnuplot
/// knows neither escapes nor commands; a single quote in it becomes "’".
std::string gnuplot_text(std::string_view text, std::size_t most = 120);

/// The height of a line chart as a share of its width, with room for its legend.
double aspect_of(const LineChart& chart);

/// Writes NAME.gp and NAME.dat, and with gnuplot NAME.svg and NAME.png; returns false without gnuplot. `name`
/// must be one that file_name_from does not change; `aspect` is the height as a share of the width. Throws
/// Error(io) for files that cannot be written, Error(invalid_argument) for any other name, and
/// Error(internal) for a script that gnuplot refuses.
bool draw(const std::filesystem::path& folder, const std::string& name, const Script& script,
          double aspect = 0.75);

}  // namespace weft::report
