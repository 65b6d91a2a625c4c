#pragma once
// A scan taken apart, to be put together with other arguments and results. Internal to runtime/loops/.

#include <optional>
#include <span>
#include <vector>

#include "weft/ops/loop.h"

namespace weft {

class ScanEditor {
 public:
  /// `inputs` are those of the scan, in the graph in which the new one is to be.
  ScanEditor(const Scan& scan, std::span<const Value> inputs);

  /// What an argument of the body stands for: a value inside, and one outside.
  struct Argument {
    Value inside;
    Value outside;
  };
  std::vector<Argument> states;
  std::vector<Argument> sequences;
  std::vector<Argument> captured;
  std::vector<Value> next;     // inside: the states of the next step
  std::vector<Value> outputs;  // inside: what is stacked

  Graph& body() { return builder_.graph(); }
  Graph& outer() const { return *outer_; }
  const Dim& length() const { return scan_.length; }

  /// An argument inside for a value outside; the same one for the same value.
  Value sequence(const Value& outside);
  Value capture(const Value& outside);
  /// The number of the output that stacks a value.
  std::size_t stack(const Value& inside);
  /// Whoever reads `inside` reads `by`, an argument or a constant, from now on.
  void replace(const Value& inside, const Value& by) { replaced_.push_back({inside, by}); }

  /// The new scan's outputs: the last states, then what is stacked. Sequences and captured values that the
  /// body does not read are left out.
  std::vector<Value> finish(const Node& origin) const;

 private:
  struct Replacement {
    Value inside;
    Value by;
  };

  const Scan& scan_;
  Graph* outer_;
  BodyBuilder builder_;
  std::vector<Replacement> replaced_;
};

/// What a value of a scan's body depends on. The greatest of its inputs' decides.
enum class Depends : std::uint8_t { on_constants, on_captured, on_sequences, on_states };

/// For each node of the body.
std::vector<Depends> dependences(ScanEditor& editor);

inline ValueId id_of(const Value& value) { return {value.node(), value.output()}; }

}  // namespace weft
