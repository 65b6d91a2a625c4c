#pragma once
// How well a trained network does on images that it has not seen, and how long it takes.

#include "weft/frontends/data/dataset.h"
#include "weft/runtime/session.h"

namespace weft::mnist {

struct Evaluation {
  Tensor classes;         // i64 [n], of the images, in order
  double accuracy = 0.0;  // in [0, 1]
  double seconds = 0.0;   // to predict all images, without making the plan
};

/// `predict` is a compiled `prediction` (mlp.h). The ranks of a job share the work.
Evaluation evaluate(Function& predict, const data::Dataset& test, Communicator* communicator = nullptr);

}  // namespace weft::mnist
