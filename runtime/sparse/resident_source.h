#pragma once
// Finds the values of a program that are resident data in another form: a constant, or rows and columns of
// it, cast, scaled and shifted. Bytes that only a run knows count too, if they are a whole matrix. A pure
// analysis, which reads no numbers except scalar factors.

#include <optional>
#include <string>
#include <vector>

#include "weft/graph/program.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

/// factor * value, added to every row; the value is a vector [k], a row [1, k] or a single number.
struct RowShift {
  ValueId value;
  double factor = 1.0;
};

/// A matrix scale * X + 1 s. X is a window of the constant `tensor`, or those of its rows that `rows` lists,
/// or the matrix `bytes`; s is the sum of `shifts`.
struct ResidentSource {
  Tensor tensor;
  Window window;
  std::optional<ValueId> rows;   // integers [m]
  std::optional<ValueId> bytes;  // u8 [m, k], made in the run; then there is no tensor
  double scale = 1.0;
  std::vector<RowShift> shifts;
};

class ResidentSources {
 public:
  explicit ResidentSources(const Program& program);

  /// Null if the value is not resident data.
  const ResidentSource* at(ValueId value) const;
  /// Why it is not, as the end of "dense, because ...".
  std::string why_not(ValueId value) const;

 private:
  std::optional<ResidentSource> derive(const Node& node) const;
  std::optional<ResidentSource> cast_from(ValueId value) const;
  std::optional<ResidentSource> rescaled(const Node& node) const;
  std::optional<ResidentSource> shifted(const Node& node) const;

  const Graph& graph_;
  std::vector<std::optional<ResidentSource>> sources_;  // for each node; all have one output
};

}  // namespace weft
