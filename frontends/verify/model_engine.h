#pragma once
// Runs a training function in a session. Internal to verify/.

#include <optional>
#include <string>
#include <vector>

#include "weft/frontends/verify/model_reference.h"
#include "weft/runtime/session.h"

namespace weft::verify {

class ModelEngine {
 public:
  ModelEngine(const Model& model, DType dtype, const SessionOptions& options);

  /// One step of training.
  void step();
  /// Loss and gradients, computed together with the updates, which are then undone.
  std::vector<Tensor> gradients();

  States states();
  void set(const States& states);

  /// The loss and gradients at these states, and the states after a step.
  StepResult step_from(const States& states);

 private:
  Graph graph_;
  Training training_;
  std::vector<Tensor> inputs_;
  Session session_;
  Function step_;
  Function gradients_;
};

/// Takes a step from these states in a session that checks itself. Returns its error, if there is one.
std::optional<std::string> self_check(const Model& model, DType dtype, SessionOptions options,
                                      const States& states);

}  // namespace weft::verify
