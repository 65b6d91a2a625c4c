#pragma once
// A function whose results are known, for a session to compute. Internal to verify/.

#include <string>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::verify {

struct EngineTask {
  Graph* graph = nullptr;  // which outlives the task
  FunctionSpec spec{};
  std::vector<Tensor> inputs{};
  std::vector<Tensor> expected{};
  double bound = 0.0;  // of distance(), see kernel_check.h
};

struct EngineFindings {
  double error = 0.0;              // the largest distance
  std::vector<std::string> lines;  // what is to blame, then what is wrong
};

/// Computes it with these passes and kernels, on one and on three threads, see trial_options.
EngineFindings check_task(const EngineTask& task, const CompileOptions& compile = {});

}  // namespace weft::verify
