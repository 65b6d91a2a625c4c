#include "weft/frontends/cli/onnx_training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/cli/arrays.h"
#include "weft/frontends/cli/progress.h"
#include "weft/frontends/losses.h"
#include "weft/frontends/metrics.h"
#include "weft/frontends/onnx/export.h"
#include "weft/frontends/optim/updates.h"
#include "weft/frontends/predict.h"
#include "weft/frontends/ranks/agreement.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/save.h"
#include "weft/graph/error.h"
#include "weft/graph/program.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::cli {
namespace {

std::string label_of(const Value& parameter) {
  const auto* const op = parameter.graph().node(parameter.node()).op.as<Parameter>();
  return op == nullptr ? std::string() : op->label;
}

/// A target's type: labels [batch], or the type of the output.
TensorType target_type(const OnnxLoss& loss, const Value& output) {
  if (!loss.takes_labels) return output.type();
  return {DType::i64, Shape{output.shape()[0]}};
}

/// A model that updates what it would have trained is a training step.
void expect_no_step(const onnx::Imported& imported) {
  for (const Value& update : imported.updates) {
    const Node& node = update.graph().node(update.node());
    const bool of_weight = std::ranges::any_of(
        imported.parameters, [&](const Value& parameter) { return parameter.node() == node.inputs[0].node; });
    if (of_weight)
      throw Error(ErrorCode::unsupported, "the model is a training step, which has an optimizer of its own",
                  {.expected = "a model that predicts"});
  }
}

}  // namespace

OnnxTraining::OnnxTraining(const onnx::ModelProto& model, const OnnxFile& file, const Samples& samples,
                           const OnnxTrainingConfig& config)
    : samples_(samples),
      config_(config),
      loss_(onnx_loss_named(config.loss)),
      name_(model.graph.name),
      step_(import_copy(model, file, onnx::Mode::training)),
      use_(import_copy(model, file, onnx::Mode::inference)) {
  expect_no_step(step_.imported);
  expect_frozen();
  compile_step();
  compile_score();
}

OnnxTraining::Copy OnnxTraining::import_copy(const onnx::ModelProto& model, const OnnxFile& file,
                                             onnx::Mode mode) const {
  onnx::Options options = import_options(file);
  options.shapes = batch_shapes(samples_);
  options.mode = mode;
  Copy copy;
  try {
    copy.imported = onnx::import_model(*copy.graph, model, file.file.parent_path(), options);
  } catch (const Error& error) {
    throw Error(
        error.code(),
        fmt::format("{} cannot be trained in batches: {}", printable(file.file.string()), error.message()),
        error.trail());
  }
  copy.output =
      copy.imported.output(config_.output.empty() ? copy.imported.outputs.at(0).name : config_.output);
  const Shape& shape = copy.output.shape();
  if (shape.rank() == 0 || shape[0].symbol() != kBatchSymbol || !is_float(copy.output.dtype()))
    throw Error(ErrorCode::shape_mismatch, "the output cannot be compared with targets",
                {.expected = "floats, with a row for each sample", .actual = to_string(copy.output.type())});
  if (loss_.takes_labels && (shape.rank() != 2 || !shape[1].is_number()))
    throw Error(ErrorCode::shape_mismatch, fmt::format("the loss {} needs scores of classes", loss_.name),
                {.expected = "an output [batch, classes]", .actual = to_string(copy.output.type())});
  return copy;
}

Value OnnxTraining::target_input(const Copy& copy) const {
  const TensorType type = target_type(loss_, copy.output);
  return input(*copy.graph, "training/target", type.dtype, type.shape);
}

void OnnxTraining::expect_frozen() const {
  std::vector<std::string> names;
  for (const auto* list : {&step_.imported.parameters, &step_.imported.buffers}) {
    for (const Value& parameter : *list) names.push_back(label_of(parameter));
  }
  for (const std::string& pattern : config_.freeze) {
    if (std::ranges::none_of(names, [&](const std::string& name) { return fits_pattern(pattern, name); }))
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("--freeze '{}' fits no parameter", printable(pattern)),
                  {.expected = printable(list_of_names(names))});
  }
}

std::vector<Value> OnnxTraining::trained_weights(const Value& loss) const {
  const NamePatterns chosen{.include = {"*"}, .exclude = config_.freeze};
  const auto needed = needed_nodes(*step_.graph, std::array{loss});
  const std::set<NodeId> matter(needed.begin(), needed.end());
  std::vector<Value> weights;
  for (const Value& parameter : step_.imported.parameters) {
    if (chosen.contain(label_of(parameter)) && matter.contains(parameter.node()))
      weights.push_back(parameter);
  }
  if (weights.empty())
    throw Error(ErrorCode::invalid_argument, "there is nothing to train",
                {.expected = "a parameter that is not frozen and that the loss depends on",
                 .actual = fmt::format("{} parameters", step_.imported.parameters.size())});
  return weights;
}

std::vector<Value> OnnxTraining::buffer_updates() const {
  const NamePatterns chosen{.include = {"*"}, .exclude = config_.freeze};
  std::vector<Value> updates;
  for (const Value& update : step_.imported.updates) {
    const Node& node = step_.graph->node(update.node());
    const auto* const buffer = step_.graph->node(node.inputs[0].node).op.as<Parameter>();
    if (buffer != nullptr && chosen.contain(buffer->label)) updates.push_back(update);
  }
  return updates;
}

void OnnxTraining::compile_step() {
  const Value target = target_input(step_);
  const Value loss = losses::reduce(loss_.build(step_.output, target));
  const std::vector<Value> weights = trained_weights(loss);
  trained_ = weights.size();
  const std::int64_t batch = config_.training.batch;
  const std::int64_t steps = config_.training.epochs * ((samples_.count() + batch - 1) / batch);
  const Value rows = ranks::rows_of(target);
  ranks::DistributedLoss all{.loss = loss, .gradients = {}};
  if (communicator() == nullptr) {
    all.gradients = gradients(loss, weights);
  } else {
    all = ranks::differentiate(loss, weights, rows);
  }
  FunctionSpec spec{.outputs = {all.loss},
                    .updates = mnist::updates_of(config_.training.optimizer, weights, all.gradients, steps)};
  for (const onnx::ImportedInput& input : step_.imported.inputs) spec.inputs.push_back(input.value);
  spec.inputs.push_back(target);
  for (const Value& update : buffer_updates()) {
    if (communicator() == nullptr) {
      spec.updates.push_back(update);
    } else {
      const optim::Assignment own = optim::assignment_of(update);
      spec.updates.push_back(assign(own.target, ranks::mean_over_ranks(own.next, rows)));
    }
  }
  step_.session = std::make_unique<Session>(*step_.graph, config_.session);
  ranks::expect_same_function(*step_.session, spec, Where());
  ranks::synchronize(*step_.session, *step_.graph);
  ranks::separate_random_numbers(*step_.session);
  train_ = std::make_unique<Function>(step_.session->compile(spec));
}

void OnnxTraining::compile_score() {
  const Value target = target_input(use_);
  FunctionSpec spec{.outputs = {loss_.build(use_.output, target)}};
  if (loss_.takes_labels) spec.outputs.push_back(argmax(use_.output));
  for (const onnx::ImportedInput& input : use_.imported.inputs) spec.inputs.push_back(input.value);
  spec.inputs.push_back(target);
  use_.session = std::make_unique<Session>(*use_.graph, config_.session);
  ranks::synchronize(*use_.session, *use_.graph);
  score_ = std::make_unique<Function>(use_.session->compile(spec));
}

void OnnxTraining::take_weights() {
  std::set<std::string> held;
  for (const auto* list : {&step_.imported.parameters, &step_.imported.buffers}) {
    for (const Value& parameter : *list) held.insert(label_of(parameter));
  }
  for (const auto* list : {&use_.imported.parameters, &use_.imported.buffers}) {
    for (const Value& parameter : *list) {
      const std::string label = label_of(parameter);
      if (held.contains(label)) use_.session->set(label, step_.session->value(label));
    }
  }
}

std::vector<Tensor> OnnxTraining::feeds_of(const Samples& samples) const {
  std::vector<Tensor> feeds;
  for (const onnx::ImportedInput& input : step_.imported.inputs)
    feeds.push_back(samples.inputs.at(input.name));
  const TensorType type = target_type(loss_, step_.output);
  std::vector<std::int64_t> sizes{samples.count()};
  for (std::size_t axis = 1; axis < type.shape.rank(); ++axis) sizes.push_back(type.shape[axis].size());
  if (checked_elements(sizes) != samples.target.elements())
    throw Error(ErrorCode::shape_mismatch, "the targets do not fit the output",
                {.expected = to_string(type), .actual = to_string(samples.target.type())});
  feeds.push_back(with_dtype(samples.target, type.dtype, "the targets").reshaped(sizes));
  return feeds;
}

FitResult OnnxTraining::train(std::FILE* talk, const std::atomic<bool>* stop) {
  const std::int64_t epochs = config_.training.epochs;
  FitObserver observer = progress_on(talk, epochs);
  observer.epoch = [talk, epochs](const EpochResult& epoch) { print_epoch(talk, epoch, epochs, {}); };
  const std::vector<Tensor> feeds = feeds_of(samples_);
  const FitResult fitted = fit(*train_, feeds,
                               {.epochs = epochs,
                                .batch_size = config_.training.batch,
                                .seed = config_.training.seed,
                                .stop = stop,
                                .communicator = communicator()},
                               observer, Where());
  take_weights();
  return fitted;
}

OnnxScore OnnxTraining::evaluate(const Samples& samples) {
  const std::vector<Tensor> feeds = feeds_of(samples);
  const std::vector<Tensor> made = ranks::predict(communicator(), *score_, feeds);
  OnnxScore score;
  visit_float(made[0].dtype(), [&]<typename T>(T) {
    for (const T loss : made[0].values<T>()) score.loss += static_cast<double>(loss);
  });
  score.loss /= static_cast<double>(samples.count());
  if (loss_.takes_labels) score.accuracy = accuracy(made[1], feeds.back());
  return score;
}

void OnnxTraining::save(const std::filesystem::path& path) {
  FunctionSpec spec;
  std::vector<std::string> names;
  for (const onnx::ImportedInput& input : use_.imported.inputs) spec.inputs.push_back(input.value);
  for (const onnx::ImportedOutput& output : use_.imported.outputs) {
    if (output.is_sequence)
      throw Error(ErrorCode::unsupported, "a model whose outputs are sequences cannot be saved");
    spec.outputs.insert(spec.outputs.end(), output.values.begin(), output.values.end());
    if (!output.values.empty()) names.push_back(output.name);
  }
  ranks::on_first_rank(communicator(), [&] {
    onnx::save(path, spec, {.session = use_.session.get(), .output_names = names, .name = name_});
  });
}

}  // namespace weft::cli
