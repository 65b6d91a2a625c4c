#pragma once
// Verifies by trial that an op is what it says: its gradient is its derivative, to the second order and in
// both modes; its traits are true; every fast kernel does what its reference kernel does, whole and in shards
// and without a write outside its memory; the compiled, optimized engine does so too; vmap() does to a batch
// what the op does to each example; and bad input is refused. It serves built-in ops and users' ops alike.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weft/frontends/verify/specification.h"

namespace weft::verify {

struct Options {
  std::uint64_t seed = 1;
  int samples = 20;  // of each sampler
};

/// What was tried, the largest errors, and what failed.
struct Certificate {
  std::string op;
  std::string gradient;  // "verified", "wrong", or why there is none
  int samples = 0;
  int refusals = 0;
  double gradient_error = 0.0;  // kGradientBound and similar constants say what passes
  double second_error = 0.0;
  double forward_error = 0.0;
  double kernel_error_f32 = 0.0;  // of the worst fast kernel
  double kernel_error_f64 = 0.0;
  std::vector<std::string> kernels;
  std::vector<std::string> failures;

  bool passed() const noexcept { return failures.empty(); }
};

}  // namespace weft::verify

namespace weft {

verify::Certificate certify(const verify::Specification& specification, const verify::Options& options = {});

/// For a user's op: `inputs` draws tensors for it, floats in f64, away from kinks and poles.
verify::Certificate certify(const Op& op,
                            const std::function<std::vector<Tensor>(verify::SampleSource&)>& inputs,
                            const verify::Options& options = {});

}  // namespace weft
