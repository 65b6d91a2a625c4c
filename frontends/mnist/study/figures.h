#pragma once
// The figures of the study: the paper's 4 to 13 from our results, and what helps to understand them.

#include <filesystem>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/depth.h"
#include "weft/frontends/report/gnuplot.h"

namespace weft::mnist {

struct Figure {
  std::string name;     // of its files: "figure-04"
  std::string caption;  // for the report
  std::string script;   // see script_of
  double aspect = 0.75;
  bool picture = false;  // of pixels: the report takes the PNG
};

/// The paper's figures 4 to 12: training time, prediction time and accuracy by depth with tanh, by depth with
/// relu, and by width with relu. Only those whose networks were run.
std::vector<Figure> paper_figures(const Results& results);

/// Loss and accuracy by epoch on the deepest networks.
std::vector<Figure> learning_curves(const Results& results);

/// For each dialect that falls with depth the norms of activations and gradients in each layer of its deep
/// network before the first step, its own and those of its swaps.
std::vector<Figure> norm_figures(const Results& results, const std::vector<DepthEffect>& effects);

/// Writes and draws them; returns false where there is no gnuplot. See `draw`.
bool draw_all(const std::filesystem::path& folder, const std::vector<Figure>& figures);

}  // namespace weft::mnist
