#pragma once
// A function whose results are known, for a session to compute. Internal to verify/.

#include <span>
#include <string>
#include <vector>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/runtime/session.h"

namespace weft::verify {

struct EngineTask {
  Graph* graph = nullptr;  // which outlives the task
  FunctionSpec spec{};
  std::vector<Tensor> inputs{};
  std::vector<Tensor> expected{};      // of the outputs, then of the parameters that are updated
  std::vector<std::string> updated{};  // their labels
  double bound = 0.0;
  double (*distance)(const Tensor& actual, const Tensor& expected) = verify::distance;
};

struct EngineFindings {
  double error = 0.0;              // the largest distance
  std::vector<std::string> lines;  // what is to blame, then what is wrong
};

/// Computes it with these passes and kernels, on one and on three threads, see trial_options.
EngineFindings check_task(const EngineTask& task, const CompileOptions& compile = {});
/// The same by each of these engines.
EngineFindings check_task(const EngineTask& task, std::span<const SessionOptions> engines);
/// Whether a session with these options computes it right; an error is not right.
bool is_right(const EngineTask& task, const SessionOptions& options);

}  // namespace weft::verify
