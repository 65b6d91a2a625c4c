#pragma once
// A small saved model, and what it must answer.

#include <nlohmann/json.hpp>
#include <vector>

#include "weft/frontends/examples/models/models.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/tests/support/temporary_folder.h"
#include "weft/weft.h"

namespace weft::testing_support {

/// A classifier of rows f32 [batch, 5]: its functions are "predict", to "classes" and "scores", and one that
/// moves its weights.
class ServedModel {
 public:
  ServedModel() {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 5});
    const nn::Sequential network{nn::dense(graph, "dense1", 7), tanh, nn::dense(graph, "dense2", 3)};
    const Value scores = network(x);
    const Value weight = network.parameters().front();
    Session session(graph);
    onnx::save_model(path(), session,
                     {{.name = "predict",
                       .spec = {.inputs = {x}, .outputs = {argmax(scores), scores}},
                       .outputs = {"classes", "scores"}},
                      {.name = "shrink", .spec = {.updates = {assign(weight, weight * 0.5)}}}});
    model_ = std::make_unique<onnx::Model>(onnx::load_model(path()));
    predict_ = std::make_unique<onnx::ModelFunction>(model_->function("predict"));
  }

  std::filesystem::path path() const { return folder_.path() / "served.onnx"; }
  const onnx::ModelFunction& predict() const { return *predict_; }

  /// Rows that differ with `seed`.
  static Tensor rows(std::int64_t count, int seed) {
    Tensor made = examples::draw_numbers({count, 5});
    for (float& number : made.mutable_values<float>()) number += 0.01F * static_cast<float>(seed);
    return made;
  }

  /// Whether these are the classes and, to rounding, the scores of a call with these rows alone.
  bool is_right(const Tensor& rows, const std::vector<Tensor>& made) const {
    constexpr float kRounding = 1e-5F;
    const Outputs expected = predict_->by_position()({rows});
    if (made.size() != 2 || !identical(made[0].clone(), expected[0])) return false;
    const auto a = made[1].values<float>();
    const auto b = expected[1].values<float>();
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!(std::abs(a[i] - b[i]) <= kRounding)) return false;
    }
    return true;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<onnx::Model> model_;
  std::unique_ptr<onnx::ModelFunction> predict_;
};

}  // namespace weft::testing_support
