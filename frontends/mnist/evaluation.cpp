#include "weft/frontends/mnist/evaluation.h"

#include <chrono>

#include "weft/frontends/metrics.h"
#include "weft/frontends/mnist/mlp.h"

namespace weft::mnist {

Evaluation evaluate(Function& predict, const data::Dataset& test, Communicator* communicator) {
  predict_all(predict, test.images, communicator);  // the first call makes the plan
  const auto start = std::chrono::steady_clock::now();
  Evaluation evaluation;
  evaluation.classes = predict_all(predict, test.images, communicator);
  evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  evaluation.accuracy = accuracy(evaluation.classes, test.labels);
  return evaluation;
}

}  // namespace weft::mnist
