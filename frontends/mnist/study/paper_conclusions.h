#pragma once
// The paper's seven conclusions, one by one, judged by our results. A pure function of the results.
//
// Each conclusion is tested on every recipe that was run (and on every framework, if its own speed is meant),
// which says yes, no or neither. A conclusion is confirmed if at least three of four say yes and none says
// no, contradicted if more than half say no, and otherwise not confirmed; that includes conclusions that no
// run tests. Times differ if their ranges over the seeds do not overlap; accuracies differ if is_fall of
// depth.h says so.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/frontends/mnist/study/dialect.h"
#include "weft/frontends/mnist/study/results.h"

namespace weft::mnist {

enum class Verdict : std::uint8_t { confirmed, not_confirmed, contradicted };

/// "confirmed", "not confirmed", "contradicted".
const char* name_of(Verdict verdict);

/// How many say yes, no or neither.
struct Votes {
  int yes = 0;
  int no = 0;
  int neither = 0;

  int all() const { return yes + no + neither; }
  bool operator==(const Votes&) const = default;
};
Verdict verdict_of(const Votes& votes);

struct PaperConclusion {
  std::string number;  // "3, speed": a conclusion that makes several claims is judged claim by claim
  std::string claim;   // what the paper says
  Verdict verdict = Verdict::not_confirmed;
  std::string figures;  // our figures, in sentences
};

/// Judges all conclusions, in the paper's order.
std::vector<PaperConclusion> judge_paper(const Results& results, const std::vector<Dialect>& dialects);

/// "Of the paper's seven conclusions, judged in 10 parts: 2 confirmed, 5 not confirmed, 3 contradicted."
std::string verdicts_sentence(const std::vector<PaperConclusion>& conclusions);

}  // namespace weft::mnist
