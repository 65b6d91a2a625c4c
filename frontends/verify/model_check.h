#pragma once
// Verifies by trial that a training function does what its graph says: the gradient that the compiled,
// optimized function computes is the derivative of the loss as the plain reference interpreter evaluates it,
// and one step leaves every parameter and slot where the reference leaves it. That shows a pass, kernel,
// schedule or memory plan that breaks what the ops promise.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/runtime/compile/compile.h"

namespace weft::verify {

/// A training function. It must not use random numbers.
struct Training {
  std::vector<Value> inputs;
  Value loss;                     // a scalar
  std::vector<Value> parameters;  // those that are trained
  std::vector<Value> gradients;   // of the loss with respect to them
  std::vector<Value> updates;
};

/// Something to train: a builder, which makes all floats f32 or f64 as asked, and the tensors to feed.
struct Model {
  std::string name;
  std::function<Training(Graph& graph, DType dtype)> build;
  std::vector<Tensor> inputs;  // of f32 or f64, and of integers
};

struct ModelOptions {
  std::uint64_t seed = 1;
  int elements = 8;          // of each parameter, for which differences are taken
  int warm_up = 3;           // steps before the one that is checked, so that an optimizer's slots are in use
  CompileOptions compile{};  // passes, and the user's kernels
};

/// What was tried in one dtype, the largest errors, and what failed.
struct ModelCertificate {
  std::string model;
  DType dtype = DType::f32;
  int derivatives = 0;  // how many directions differences were taken in
  double gradient_error = 0.0;
  double step_error = 0.0;
  std::vector<std::string> failures;

  bool passed() const noexcept { return failures.empty(); }
};

/// The bounds. For a gradient g and a central difference d in one direction it is |g - d|, in units of the
/// largest element of that parameter's gradient, or of a hundredth of the largest of all if that is more;
/// for the direction of all elements at once in units of their norm. For a step it is the norm of the
/// difference between the two new values of a parameter or slot, in units of the norm of its change, or of a
/// thousandth of its own if that is more. f32 rounds in both, and an optimizer that divides by the size of
/// each gradient enlarges the rounding of small ones; in f64 it is the differences that round.
struct ModelBounds {
  double gradient;
  double step;
};
constexpr ModelBounds model_bounds(DType dtype) {
  return dtype == DType::f32 ? ModelBounds{.gradient = 1e-5, .step = 1e-3}
                             : ModelBounds{.gradient = 1e-6, .step = 1e-11};
}

/// Tries the model's training function, floats in `dtype`, on one and on three threads. A failure names the
/// compiler's stage, the kernel or the op whose gradient is to blame, where one alone shows it. Throws
/// Error(invalid_argument) for a model that is random, and what building it throws.
ModelCertificate certify_training(const Model& model, DType dtype, const ModelOptions& options = {});

}  // namespace weft::verify
