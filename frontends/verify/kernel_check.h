#pragma once
// Fast kernels against the op's reference kernel: whole and in shards, in place, in guarded memory.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/verify/specification.h"
#include "weft/runtime/kernels/kernel.h"

namespace weft::verify {

struct GuardedRun {
  std::vector<Tensor> outputs;
  std::string damage;  // what the kernel did that it must not; empty if nothing
};

/// Runs the kernel in `shards`, the last one first. Outputs and scratch memory stand between canaries and
/// start as NaNs. With `in_place`, that input lies where that output does.
GuardedRun run_guarded(const KernelChoice& kernel, std::span<const TensorType> outputs,
                       std::span<const Tensor> inputs, int shards, std::optional<InPlace> in_place = {});

/// How far a kernel may be from the reference: |a - b| <= bound * max(1, |b|). Where all that the reference
/// gives are whole numbers that f32 holds, a kernel must give the same.
inline constexpr double kKernelBoundF32 = 2e-5;
inline constexpr double kKernelBoundF64 = 1e-12;

/// The largest |a - b| / max(1, |b|); infinite where only one is a NaN, or where whole numbers differ.
double distance(const Tensor& actual, const Tensor& expected);

struct KernelFindings {
  double worst = 0.0;                     // over the fast kernels
  std::vector<std::string_view> kernels;  // those that accepted, without the reference
  std::vector<std::string> failures;
};

/// Tries every kernel of the list that accepts the sample, with its floats in `dtype`.
KernelFindings check_kernels(const Sample& sample, DType dtype);

/// The same for a sample of extreme numbers, by relative errors: every kernel against the reference in f32,
/// and the reference in f32 against that in f64.
KernelFindings check_extremes(const Sample& sample, double bound);

/// The tensors, with floating-point ones converted to `dtype`.
std::vector<Tensor> in_precision(std::span<const Tensor> tensors, DType dtype);
/// The op, with the floats of the programs that it holds in another precision.
Op with_floats_of(const Op& op, DType dtype);

}  // namespace weft::verify
