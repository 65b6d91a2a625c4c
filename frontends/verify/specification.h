#pragma once
// What an op is tested with: samples that it must compute and differentiate right, and inputs that it must
// refuse.

#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/error.h"
#include "weft/graph/op.h"

namespace weft::verify {

/// An op and concrete inputs, floats in f64, away from the op's kinks and poles.
struct Sample {
  Op op;
  std::vector<Tensor> inputs;
  bool takes_special = true;  // false: results for infinities and NaNs are not promised
};
using Sampler = std::function<Sample(SampleSource&)>;

/// Inputs that the op's shape rule or its kernel must refuse with an Error of this code.
struct Refusal {
  Op op;
  std::vector<Tensor> inputs;
  ErrorCode code;
};

/// Numbers that an op takes: zeros, denormals, tails, large offsets and infinities between these bounds.
struct Domain {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  /// The bound on the error of kernels against the reference, and of the reference in f32 against that in
  /// f64: |a - b| <= bound * |b|.
  double bound = 1e-6;
};

struct Specification {
  std::string_view op;       // its name
  std::string_view summary;  // one line
  std::vector<Sampler> samplers;
  std::vector<Refusal> refusals;
  bool runs = true;  // false: a source, which is fed, or one that only writes; it has no samples
  bool replaces_gradient = false;  // on purpose: its gradient is not its derivative
  /// For an op whose floating-point inputs may be any numbers of a domain; it is tested with extreme ones
  /// too.
  std::optional<Domain> domain{};
};

/// The specifications of the built-in ops, in the order of ops/builtin.h.
std::vector<Specification> builtin_specifications();

}  // namespace weft::verify
