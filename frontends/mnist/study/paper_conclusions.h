#pragma once
// The paper's seven conclusions, one by one, judged by our results. A pure function of the results.
//
// Each conclusion is put to every recipe (and framework, where its own speed is meant) that was run, and each
// says yes, no or neither. It is confirmed where at least three of four say yes and none says no,
// contradicted where more than half say no, and else not confirmed, as where nothing was run that could tell.
// A time differs where the ranges over the seeds do not overlap; an accuracy where is_fall of depth.h says
// so.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/dialect.h"
#include "weft/frontends/mnist/study/results.h"

namespace weft::mnist {

enum class Verdict : std::uint8_t { confirmed, not_confirmed, contradicted };

/// "confirmed", "not confirmed", "contradicted".
const char* name_of(Verdict verdict);

/// How many say what.
struct Votes {
  int yes = 0;
  int no = 0;
  int neither = 0;

  int all() const { return yes + no + neither; }
  bool operator==(const Votes&) const = default;
};
Verdict verdict_of(const Votes& votes);

struct PaperConclusion {
  std::string number;  // "3, speed": a conclusion that says several things is judged part by part
  std::string claim;   // in the paper's sense
  Verdict verdict = Verdict::not_confirmed;
  std::string figures;  // ours, in sentences
};

/// In the paper's order, all of them.
std::vector<PaperConclusion> judge_paper(const Results& results, const std::vector<Dialect>& dialects);

/// "Of the paper's seven conclusions, judged in 10 parts: 2 confirmed, 5 not confirmed, 3 contradicted."
std::string verdicts_sentence(const std::vector<PaperConclusion>& conclusions);

}  // namespace weft::mnist
