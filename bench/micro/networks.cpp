#include "weft/bench/micro/networks.h"

#include <numeric>

#include "weft/frontends/verify/sample_source.h"
#include "weft/ops/source.h"

namespace weft::bench {

TrainingGraph::TrainingGraph(const mnist::MlpConfig& config, const std::string& optimizer,
                             std::int64_t samples) {
  verify::SampleSource source(1, "bench");
  constexpr std::int64_t kGrays = 256;
  const mnist::Mlp mlp(graph, config);
  const Value images = constant(graph, source.whole({samples, config.inputs}, kGrays, u8));
  const Value labels = constant(graph, source.whole({samples}, config.classes, u8));
  spec = mnist::training_step(mlp, images, labels, {.name = optimizer, .learning_rate = 0.01});
}

Tensor first_rows(std::int64_t batch) {
  Tensor rows = Tensor::uninitialized(i32, {batch});
  const auto numbers = rows.mutable_values<std::int32_t>();
  std::iota(numbers.begin(), numbers.end(), 0);
  return rows;
}

}  // namespace weft::bench
