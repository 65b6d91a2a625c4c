#pragma once
// The figures of the study: the paper's figures 4 to 13 from our results, beside the numbers in the paper's
// text, and figures that help to understand them. networks.h has the paper's figures 1 to 3.

#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/depth.h"
#include "weft/frontends/mnist/study/lines_of_code.h"
#include "weft/frontends/report/gnuplot.h"

namespace weft::mnist {

struct Figure {
  std::string name;  // of its files: "figure-04"
  std::string caption;
  report::Script script;
  double aspect = 0.75;
  bool picture = false;  // it consists of pixels, so the report takes the PNG
};

/// The paper's figures 4 to 12: training time, prediction time and accuracy by depth with tanh, by depth with
/// relu, and by width with relu. Only figures whose networks were run. Training times are those of recipes on
/// weft; the times of frameworks that ran themselves have a figure of their own. Prediction times are weft's,
/// once for each network, and those of the frameworks. `shortening` is the text of shortening_of.
std::vector<Figure> paper_figures(const Results& results, const std::string& shortening);

/// Figure 13: the paper's lines of code and ours.
std::vector<Figure> code_figures(const std::vector<CodeSize>& code);

/// Loss and accuracy by epoch on the deepest networks.
std::vector<Figure> learning_curves(const Results& results);

/// For each recipe whose accuracy falls with depth: the norms of activations and gradients in each layer of
/// its deep network before the first step, with the recipe itself and with its swaps.
std::vector<Figure> norm_figures(const Results& results, const std::vector<DepthEffect>& effects);

/// Writes and draws the figures; returns false without gnuplot. See report::draw.
bool draw_all(const std::filesystem::path& folder, const std::vector<Figure>& figures);

}  // namespace weft::mnist
