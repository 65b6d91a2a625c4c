#include "weft/frontends/mnist/training_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "weft/frontends/class_losses.h"

namespace weft::mnist {
namespace {

using nlohmann::json;

constexpr const char* kEntry = "weft.mnist";

/// The fields that every version wrote; all later fields have defaults.
constexpr std::array<std::string_view, 11> kAlwaysWritten{"inputs", "layers",       "classes", "activation",
                                                          "init",   "optimizer",    "batch",   "seed",
                                                          "epoch",  "batches_done", "loss_sum"};

template <typename T>
constexpr bool kIsOptional = false;
template <typename T>
constexpr bool kIsOptional<std::optional<T>> = true;

template <typename T>
json as_json(const T& value) {
  if constexpr (kIsOptional<T>) {
    return value ? json(*value) : json();
  } else {
    return value;
  }
}

[[noreturn]] void refuse(std::string_view name, const char* expected, const json& found) {
  throw Error(ErrorCode::bad_file, fmt::format("'{}' has a wrong value", name),
              {.expected = expected, .actual = found.dump()});
}

void read(std::string_view name, const json& from, bool& to) {
  if (!from.is_boolean()) refuse(name, "true or false", from);
  to = from.get<bool>();
}
void read(std::string_view name, const json& from, double& to) {
  if (!from.is_number()) refuse(name, "a number", from);
  to = from.get<double>();
}
void read(std::string_view name, const json& from, std::uint64_t& to) {
  if (!from.is_number_unsigned()) refuse(name, "a whole number from 0 up", from);
  to = from.get<std::uint64_t>();
}
void read(std::string_view name, const json& from, std::int64_t& to) {
  std::uint64_t count = 0;
  read(name, from, count);
  if (!std::in_range<std::int64_t>(count)) refuse(name, "a whole number below 2^63", from);
  to = static_cast<std::int64_t>(count);
}
void read(std::string_view name, const json& from, std::string& to) {
  if (!from.is_string()) refuse(name, "a text", from);
  to = from.get<std::string>();
}
template <typename T>
void read(std::string_view name, const json& from, std::optional<T>& to) {
  if (from.is_null()) {
    to.reset();
  } else {
    read(name, from, to.emplace());
  }
}
void read(std::string_view name, const json& from, std::vector<std::int64_t>& to) {
  if (!from.is_array()) refuse(name, "a list of whole numbers", from);
  to.assign(from.size(), 0);
  for (std::size_t i = 0; i < to.size(); ++i) read(name, from[i], to[i]);
}

SavedTraining parse(const json& text) {
  if (!text.is_object())
    throw Error(ErrorCode::bad_file, "its description of the training is not a JSON object");
  for (const std::string_view name : kAlwaysWritten) {
    if (!text.contains(name)) throw Error(ErrorCode::bad_file, fmt::format("'{}' is missing", name));
  }
  SavedTraining saved;
  std::size_t known = 0;
  for_each_field(
      [&](std::string_view name, auto& member) {
        const auto found = text.find(name);
        if (found == text.end()) return;
        read(name, *found, member);
        ++known;
      },
      saved);
  if (known != text.size()) {
    throw Error(ErrorCode::bad_file, "it describes a training that this version of weft does not know");
  }
  validate(saved.config);
  return saved;
}

}  // namespace

void validate(const TrainingConfig& config) {
  constexpr Bounds kCounts{.low = 1.0, .high = 1e9};  // epochs times batches is an i64
  validate(config.model);
  validate(config.optimizer);
  losses::class_loss_named(config.loss);
  expect_within("batch", static_cast<double>(config.batch), kCounts);
  expect_within("pixel_deviation", config.pixels.deviation, kPositive);
  expect_within("pixel_mean", config.pixels.mean, {.low = -kLargestSetting, .high = kLargestSetting});
  expect_within("label_smoothing", config.label_smoothing, kShare);
  expect_within("epochs", static_cast<double>(config.epochs), kCounts);
  expect_within("validation", config.validation, kShare);
  expect_within("patience", static_cast<double>(config.patience), {.low = 0.0, .high = 1e9});
}

namespace {

StepOptions step_options(const TrainingConfig& config, std::int64_t samples) {
  return {.pixels = config.pixels,
          .label_smoothing = config.label_smoothing,
          .steps = config.epochs * ((samples + config.batch - 1) / config.batch),
          .loss = config.loss};
}

}  // namespace

FunctionSpec training_step(const Mlp& mlp, const Value& images, const Value& labels,
                           const TrainingConfig& config, bool over_ranks) {
  StepOptions options = step_options(config, images.shape()[0].size());
  options.over_ranks = over_ranks;
  return training_step(mlp, images, labels, config.optimizer, options);
}

FunctionSpec fed_training_step(const Mlp& mlp, const Value& images, const Value& labels, std::int64_t samples,
                               const TrainingConfig& config) {
  return fed_training_step(mlp, images, labels, config.optimizer, step_options(config, samples));
}

Metadata to_metadata(const SavedTraining& saved) {
  json text = json::object();
  for_each_field(
      [&](std::string_view name, const auto& member) { text[std::string(name)] = as_json(member); }, saved);
  return {{kEntry, text.dump()}};
}

SavedTraining from_metadata(const Metadata& metadata, const std::string& path) {
  const auto found = metadata.find(kEntry);
  if (found == metadata.end()) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: it holds no model that `weft train` saved", path));
  }
  try {
    return parse(json::parse(found->second));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: its description of the training cannot be read ({})", path, error.what()));
  } catch (const Error& error) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace weft::mnist
