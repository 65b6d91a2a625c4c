#pragma once
// The paper's figures 1 to 3: the digits, and the two families of networks that read them.

#include <vector>

#include "weft/frontends/mnist/study/figures.h"
#include "weft/frontends/mnist/study/study_data.h"

namespace weft::mnist {

/// Figure 1: the first training images of each digit. Empty for images that are not square.
std::vector<Figure> digit_figures(const StudyData& data, bool synthetic);

/// Figures 2 and 3: the networks that differ in depth, and those that differ in width, drawn with fewer units
/// than they have.
std::vector<Figure> network_figures();

}  // namespace weft::mnist
