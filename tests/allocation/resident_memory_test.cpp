// What the ledger says beside what the system counts.

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/activation.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double all = 0.0;
  double resident = 0.0;
  statm >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

struct Growth {
  double planned = 0.0;
  double measured = 0.0;
};

/// Bytes by which two steps of training with Adam make the process grow.
Growth growth_of(std::int64_t width, std::int64_t batch) {
  testing_support::TensorSource source("resident memory");
  const Tensor pictures = source.uniform({batch, 300}, -1.0, 1.0, f32);
  const Tensor labels = source.whole({batch}, 9, i32);
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 300});
  const Value y = input(graph, "y", i32, {"batch"});
  const Value hidden = relu(nn::dense(relu(nn::dense(x, "first", width)), "second", width));
  const Value loss = mean(softmax_cross_entropy(nn::dense(hidden, "logits", 10), y));
  std::vector<Value> parameters;
  for (const auto& [label, declared] : graph.states()) parameters.push_back(declared.value);
  const FunctionSpec spec{.inputs = {x, y},
                          .outputs = {loss},
                          .updates = optim::adam(parameters, gradients(loss, parameters), 0.001)};
  const double before = resident_bytes();
  Session session(graph, {.threads = 2});
  Function step = session.compile(spec);
  const std::array types{pictures.type(), labels.type()};
  const MemoryLedger ledger = step.ledger(types);
  for (int i = 0; i < 2; ++i) step({pictures, labels});
  ::malloc_trim(0);  // blocks that are free, oneDNN's copies of operands above all, are no part of the plan
  return {.planned = static_cast<double>(ledger.arena + ledger.scratch + ledger.outputs + ledger.constants +
                                         ledger.parameters + ledger.slots + ledger.kept),
          .measured = resident_bytes() - before};
}

TEST(ResidentMemory, GrowsByWhatTheLedgerSays) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps memory of its own";
#endif
  growth_of(500, 256);  // what oneDNN, for products of this kind, and the C library take once
  const Growth growth = growth_of(2000, 512);
  EXPECT_NEAR(growth.measured / growth.planned, 1.0, 0.05)
      << growth.measured << " bytes measured, " << growth.planned << " planned";
}

}  // namespace
}  // namespace weft
