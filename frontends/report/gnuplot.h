#pragma once
// Charts as gnuplot scripts that carry their data, so that every figure can be drawn again, or differently,
// by whoever has the file. Pure functions from data to text; only `draw` runs gnuplot.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace weft::mnist {

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
  double low = 0.0;
  double high = 0.0;
};

struct ChartLine {
  std::string title;
  std::size_t style = 0;  // colour, mark and dash; told apart in print too
  std::vector<ChartPoint> points;
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<std::pair<double, std::string>> x_ticks;  // empty: whole numbers
  bool from_zero = false;                               // the y axis
  bool logarithmic = false;                             // the y axis
  std::vector<ChartLine> lines;
};

struct Bar {
  std::string label;
  double value = 0.0;
  std::size_t style = 0;
};

struct BarChart {
  std::string title;
  std::string y_label;
  std::vector<Bar> bars;
};

/// Numbers as shades in rows and columns, from above to below.
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
    bool light = false;  // upon a dark shade
  };
  std::vector<Text> texts;
  std::vector<std::string> ticks;                                        // of both axes; empty: no axes
  enum class Shades : std::uint8_t { ink, signs } shades = Shades::ink;  // signs: blue, white, red around 0
};

/// The chart's script without where it is drawn.
std::string script_of(const LineChart& chart);
std::string script_of(const BarChart& chart);
std::string script_of(const ImageChart& chart);

/// How high a line chart is to be, as a share of its width, so that its legend takes nothing from the plot.
double aspect_of(const LineChart& chart);

/// Writes NAME.gp, and NAME.svg and NAME.png where there is gnuplot; returns false where there is none.
/// `aspect` is the height as a share of the width. Throws Error(io) for files that cannot be written, and
/// Error(internal) for a script that gnuplot refuses.
bool draw(const std::filesystem::path& folder, const std::string& name, const std::string& script,
          double aspect = 0.75);

}  // namespace weft::mnist
