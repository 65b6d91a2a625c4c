#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/data/idx.h"
#include "weft/frontends/metrics.h"
#include "weft/frontends/mnist/training_config.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/runtime/files/checkpoint.h"
#include "weft/runtime/files/json_text.h"

namespace weft::cli {
namespace {

struct PredictArgs {
  std::filesystem::path model;
  std::filesystem::path images;
  std::optional<std::filesystem::path> labels;
  int threads = 1;
  bool json = false;
};

/// The images of an IDX file as u8 [n, pixels].
Tensor read_images(const std::filesystem::path& path, std::int64_t pixels) {
  const Tensor images = data::read_idx(path);
  const std::int64_t count = images.rank() == 0 ? 0 : images.sizes()[0];
  if (images.dtype() != u8 || images.rank() < 2 || (count > 0 && images.elements() / count != pixels)) {
    throw Error(
        ErrorCode::bad_file, fmt::format("{}: the images do not fit this model", path.string()),
        {.expected = fmt::format("u8 images of {} pixels", pixels), .actual = to_string(images.type())});
  }
  return images.reshaped(std::array{count, pixels});
}

Tensor read_labels(const std::filesystem::path& path, std::int64_t count, std::int64_t classes) {
  Tensor labels = data::read_idx(path);
  if (labels.dtype() != u8 || labels.rank() != 1 || labels.sizes()[0] != count) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: the labels do not fit the images", path.string()),
                {.expected = fmt::format("u8[{}]", count), .actual = to_string(labels.type())});
  }
  const auto values = labels.values<std::uint8_t>();
  const auto wrong = std::ranges::find_if(values, [&](std::uint8_t label) { return label >= classes; });
  if (wrong != values.end()) {
    throw Error(
        ErrorCode::bad_file,
        fmt::format("{}: label {} is not a class of the model", path.string(), wrong - values.begin()),
        {.expected = fmt::format("0 to {}", classes - 1), .actual = fmt::format("{}", *wrong)});
  }
  return labels;
}

/// What is needed of a model, whatever its file: a function from pixels to classes.
struct Classifier {
  Function function;
  std::int64_t pixels = 0;
  std::int64_t classes = 0;
};

Classifier from_checkpoint(const PredictArgs& args) {
  const mnist::TrainingConfig training =
      mnist::from_metadata(read_checkpoint(args.model).metadata, args.model.string()).config;
  const mnist::MlpConfig& config = training.model;
  Graph graph;
  const mnist::Mlp mlp(graph, config);
  Session session(graph, {.threads = args.threads});
  session.load(args.model);
  return {.function = session.compile(mnist::prediction(graph, mlp, config.inputs, training.pixels)),
          .pixels = config.inputs,
          .classes = config.classes};
}

[[noreturn]] void refuse_model(const PredictArgs& args) {
  throw Error(ErrorCode::bad_file, fmt::format("{}: not a model of digits", args.model.string()),
              {.expected = "one input, images u8 [batch, pixels], and outputs classes and logits"});
}

/// A model as `weft train --save FILE.onnx` writes it, or another of such inputs and outputs.
Classifier from_onnx(const PredictArgs& args) {
  onnx::Model model = onnx::load_model(args.model, {.session = {.threads = args.threads}});
  const std::vector<std::string> names = model.functions();
  const bool has_predict = std::ranges::find(names, "predict") != names.end();
  const onnx::NamedFunction& found = model.values(has_predict ? "predict" : names.front());
  const auto output = [&](std::string_view name) {
    const auto at = std::ranges::find(found.outputs, name);
    if (at == found.outputs.end()) refuse_model(args);
    return found.spec.outputs[static_cast<std::size_t>(at - found.outputs.begin())];
  };
  const Value classes = output("classes");
  const Value logits = output("logits");
  const auto is_table = [](const Value& value) {
    return value.shape().rank() == 2 && value.shape()[1].is_number();
  };
  if (found.spec.inputs.size() != 1 || found.spec.inputs[0].dtype() != u8 ||
      !is_table(found.spec.inputs[0]) || !is_table(logits))
    refuse_model(args);
  return {.function = model.session().compile({.inputs = found.spec.inputs, .outputs = {classes}}),
          .pixels = found.spec.inputs[0].shape()[1].size(),
          .classes = logits.shape()[1].size()};
}

int predict(const PredictArgs& args) {
  Classifier model = args.model.extension() == ".onnx" ? from_onnx(args) : from_checkpoint(args);
  const Tensor images = read_images(args.images, model.pixels);
  std::optional<Tensor> labels;
  if (args.labels) labels = read_labels(*args.labels, images.sizes()[0], model.classes);
  const auto start = std::chrono::steady_clock::now();
  const Tensor classes = mnist::predict_all(model.function, images);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto predictions = classes.values<std::int64_t>();
  if (args.json) {
    nlohmann::ordered_json line{{"count", predictions.size()}, {"predict_seconds", seconds}};
    if (labels) line["accuracy"] = accuracy(classes, *labels);
    line["predictions"] = std::vector<std::int64_t>(predictions.begin(), predictions.end());
    fmt::print("{}\n", json_text(line));
    return kSuccess;
  }
  for (const std::int64_t digit : predictions) fmt::print("{}\n", digit);
  fmt::print(stderr, "{} images in {:.1f} ms{}\n", predictions.size(), 1000.0 * seconds,
             labels ? fmt::format("; {:.2f}% right", 100.0 * accuracy(classes, *labels)) : "");
  return kSuccess;
}

}  // namespace

Registered add_predict(CLI::App& weft) {
  auto args = std::make_shared<PredictArgs>();
  CLI::App* app = weft.add_subcommand("predict", "Prints the digit in each image of an IDX file, one a line");
  app->add_option("--model", args->model, "A checkpoint or an ONNX model of `weft train --save`")
      ->required()
      ->type_name("FILE");
  app->add_option("--images", args->images, "Images, IDX, plain or gzip")->required()->type_name("IDX");
  app->add_option("--labels", args->labels, "Their labels, to tell how many are right")->type_name("IDX");
  constexpr int kMostThreads = 256;
  app->add_option("--threads", args->threads, "Threads to compute with")
      ->check(whole_within(1, kMostThreads));
  app->add_flag("--json", args->json, "Prints one line of JSON instead");
  return {app, [args] { return predict(*args); }};
}

}  // namespace weft::cli
