#pragma once
// Runs a training function by the reference interpreter, in f64 and without optimization. Internal to
// verify/.

#include <map>
#include <string>
#include <vector>

#include "weft/frontends/verify/model_check.h"
#include "weft/graph/program.h"

namespace weft::verify {

/// Parameters and slots by their labels.
using States = std::map<std::string, Tensor, std::less<>>;

/// The label of a parameter.
std::string label_of(const Value& parameter);

/// The results of one step.
struct StepResult {
  std::vector<Tensor> outputs;  // the loss, then the gradients
  States after;                 // the updated parameters and slots
};

/// Differences of a function to the left and to the right of a point.
struct Slopes {
  double left;
  double right;

  double central() const { return 0.5 * (left + right); }
};

class ModelReference {
 public:
  explicit ModelReference(const Model& model);

  const Training& training() const noexcept { return training_; }
  /// Sets the values of all parameters and slots, which may have any dtype.
  void set(const States& states);
  StepResult step() const;

  /// The differences of the loss when the parameter moves by `step` times `direction` to both sides.
  Slopes slopes(const Value& parameter, const std::vector<double>& direction, double step);

 private:
  double loss() const;
  std::vector<Tensor> run(const Program& program) const;

  Graph graph_;
  Training training_;
  Program loss_;
  Program step_;
  std::map<std::string, Tensor, std::less<>> inputs_;
  States states_;
};

}  // namespace weft::verify
