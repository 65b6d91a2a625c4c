#pragma once
// What a session looks at when it is asked to check itself: every stage of the compiler and every kernel
// beside the reference, and every value for NaNs. All of it costs time and memory; none of it runs unless
// asked for. Internal to runtime/.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// A stage of the compiler and the program that it made.
struct StageProgram {
  std::string name;  // "stabilize", with which the comparison begins, or the name of a later pass
  Program program;
};

/// How far two ways to compute a value may be apart: |a - b| <= bound * max(1, |b|), by the value's dtype.
inline constexpr double kSelfCheckBoundF32 = 1e-4;
inline constexpr double kSelfCheckBoundF64 = 1e-9;
/// The same for one elementwise op, whose headers promise a few units in the last place.
inline constexpr double kElementwiseBoundF32 = 1e-6;

/// Evaluates the roots of all stages by the reference interpreter. Throws Error(internal) that names the
/// first stage whose results are not those of the one before it. Behind skip_zeros only what was finite is
/// compared, see SkipZeros.
void check_stages(std::span<const StageProgram> stages, const std::function<Tensor(const Node&)>& feed);

/// Throws Error(internal) that names the kernel if `outputs` are not what the node's reference kernel makes
/// of `inputs`.
void check_kernel(const Node& node, std::string_view kernel, std::span<const Tensor> inputs,
                  std::span<const Tensor> outputs);

/// What each step gave, to see that it is still there when a later step reads it.
class ValueWatch {
 public:
  explicit ValueWatch(const Graph& graph) : graph_(graph) {}

  /// Keeps a copy of a value as it was made.
  void made(ValueId value, const Tensor& tensor);
  /// Throws Error(internal) that blames the plan, its memory or its order, if a value that was made is not
  /// what it was then. `reader` is for the message.
  void expect_kept(ValueId value, const Tensor& now, const Node& reader) const;

 private:
  const Graph& graph_;
  std::map<ValueId, Tensor> values_;
};

/// Throws Error(numeric) that names the node and the ranges of its inputs if an output holds a NaN.
void check_numbers(const Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs);

}  // namespace weft
