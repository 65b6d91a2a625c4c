#pragma once
// A training function as a session compiles and runs it. Internal to verify/.

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
  /// Loss and gradients, computed beside the updates, which are undone.
  std::vector<Tensor> gradients();

  States states();
  void set(const States& states);

  /// The loss and gradients at these states, and what a step makes of these.
  StepResult step_from(const States& states);

 private:
  Graph graph_;
  Training training_;
  std::vector<Tensor> inputs_;
  Session session_;
  Function step_;
  Function gradients_;
};

/// Takes a step from these states in a session that checks itself. Returns what it blames, if anything.
std::optional<std::string> self_check(const Model& model, DType dtype, SessionOptions options,
                                      const States& states);

}  // namespace weft::verify
