#pragma once
// What a session looks at when it is asked to check itself: every stage of the compiler and every kernel
// beside the reference, and every value for NaNs. All of it costs time and memory; none of it runs unless
// asked for. Internal to runtime/.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// A stage of the compiler and the program that it made.
struct StageProgram {
  std::string name;  // "specialize", or a pass's name
  Program program;
};

/// How far two ways to compute a value may be apart: |a - b| <= bound * max(1, |b|), by the value's dtype.
inline constexpr double kSelfCheckBoundF32 = 1e-3;
inline constexpr double kSelfCheckBoundF64 = 1e-9;

/// Evaluates the roots of all stages by the reference interpreter. Throws Error(internal) that names the
/// first stage whose results are not those of the one before it.
void check_stages(std::span<const StageProgram> stages, const std::function<Tensor(const Node&)>& feed);

/// Throws Error(internal) that names the kernel if `outputs` are not what the node's reference kernel makes
/// of `inputs`.
void check_kernel(const Node& node, std::string_view kernel, std::span<const Tensor> inputs,
                  std::span<const Tensor> outputs);

/// Throws Error(numeric) that names the node and the ranges of its inputs if an output holds a NaN.
void check_numbers(const Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs);

}  // namespace weft
