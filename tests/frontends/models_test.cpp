// The models of frontends/examples/models learn, by fast kernels and without memory from the heap.

#include <gtest/gtest.h>

#include <set>

#include "weft/frontends/examples/models/models.h"

namespace weft {
namespace {

using examples::Model;
using examples::ModelEntry;

double to_double(const Tensor& number) {
  return visit_dtype(number.dtype(), [&]<typename T>(T) { return static_cast<double>(number.item<T>()); });
}

class Models : public testing::TestWithParam<ModelEntry> {};

TEST_P(Models, LearnTheirBatch) {
  const Model model = GetParam().make();
  Session session(*model.graph, {.threads = 2});
  Function step =
      session.compile({.inputs = model.inputs, .outputs = {model.loss}, .updates = model.updates});
  const auto loss_of_a_step = [&] { return to_double(step(model.batch)[0]); };
  const double before = loss_of_a_step();
  double after = before;
  for (int i = 0; i < 5; ++i) after = loss_of_a_step();
  EXPECT_LT(after, before);
}

TEST_P(Models, PredictFiniteNumbers) {
  const Model model = GetParam().make();
  Session session(*model.graph, {.compile = {.nan_guard = true}});
  const Function predict = session.compile({.inputs = model.given, .outputs = {model.prediction}});
  EXPECT_GT(predict(model.samples)[0].elements(), 0);
}

TEST_P(Models, RunByFastKernels) {
  const Model model = GetParam().make();
  Session session(*model.graph);
  const Compilation made =
      session.inspect({.inputs = model.inputs, .outputs = {model.loss}, .updates = model.updates}, {});
  std::set<std::string> ops;
  for (std::size_t i = 0; i < made.lowered.steps.size(); ++i) {
    if (made.lowered.kernels[i].name == "reference")
      ops.emplace(made.lowered.program.graph->node(made.lowered.steps[i]).op.name());
  }
  EXPECT_EQ(ops, std::set<std::string>{});
}

std::string name_of_model(const testing::TestParamInfo<ModelEntry>& tested) {
  return std::string(tested.param.name);
}
INSTANTIATE_TEST_SUITE_P(All, Models, testing::ValuesIn(examples::models().begin(), examples::models().end()),
                         name_of_model);

}  // namespace
}  // namespace weft
