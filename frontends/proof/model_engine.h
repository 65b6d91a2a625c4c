#pragma once
// A training function as a session compiles and runs it. Internal to proof/.

#include <string>
#include <vector>

#include "weft/frontends/proof/model_reference.h"
#include "weft/runtime/session.h"

namespace weft::proof {

class ModelEngine {
 public:
  ModelEngine(const Model& model, DType dtype, const SessionOptions& options);

  /// One step of training.
  void step();
  /// Loss and gradients, computed beside the updates, which are undone.
  std::vector<Tensor> gradients();

  States states();
  void set(const States& states);

  /// Takes a step from these states in a session that checks itself. Returns what it blames, or that it finds
  /// nothing.
  std::string self_check(const States& states) const;

 private:
  const Model& model_;
  DType dtype_;
  SessionOptions options_;
  Graph graph_;
  Training training_;
  std::vector<Tensor> inputs_;
  Session session_;
  Function step_;
  Function gradients_;
};

}  // namespace weft::proof
