#pragma once
// The numbers of the paper: Kovalev, Kalinovsky and Kovalev (2016). It gives most of its results as plots;
// these are the numbers in its text and its table, to be shown beside ours. Its frameworks ran themselves on
// an Intel i7; our curves are recipes on weft, on another machine.

#include <span>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/dialect.h"
#include "weft/frontends/mnist/study/results.h"
#include "weft/frontends/mnist/study/settings.h"

namespace weft::mnist {

/// The networks of one group of the paper's figures.
struct NetworkGroup {
  Series series = Series::depth;
  const char* activation = "tanh";
};

struct PaperPoint {
  std::size_t place = 0;  // of the network in its group, from 1
  double value = 0.0;     // in seconds, or as a share
};

/// A sentence of the paper's text with a number in it.
struct PaperStatement {
  int figure = 0;
  NetworkGroup group;
  Metric metric = Metric::accuracy;
  const char* who = "";              // "Deeplearning4J"
  const char* says = "";             // "from 140 s with 1 layer to 210 s with 4"
  const char* legend = "";           // "Paper: Deeplearning4J, 140-210 s"
  std::vector<const char*> recipes;  // names of the dialects that repeat them
  std::vector<PaperPoint> points;    // as a figure shows them; empty: shown in the table only
};

std::span<const PaperStatement> paper_statements();

/// Table 1 of the paper.
struct PaperCodeSize {
  const char* framework;
  const char* language;
  std::size_t lines;
};
std::span<const PaperCodeSize> paper_code_sizes();

/// The networks of a group in the paper's order.
std::vector<const Configuration*> networks_of(const NetworkGroup& group);

/// "training time by depth, tanh".
std::string quantity_of(const NetworkGroup& group, Metric metric);

/// One row of the table that puts the paper's numbers beside ours.
struct BesidePaper {
  std::string figure;
  std::string quantity;
  std::string paper;                    // who, and what the text says about them
  std::vector<std::string> ours;        // the same recipes on weft, from the smallest to the largest network
  std::vector<std::string> frameworks;  // frameworks that ran themselves, with weft at the same job
};
std::vector<BesidePaper> beside_paper(const Results& results, const std::vector<Dialect>& dialects);

}  // namespace weft::mnist
