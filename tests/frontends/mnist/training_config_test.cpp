#include "weft/frontends/mnist/training_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "weft/frontends/class_losses.h"
#include "weft/frontends/mnist/study/dialect.h"
#include "weft/tests/support/expect_error.h"

namespace weft::mnist {
namespace {

using testing_support::expect_error;

SavedTraining written_and_read(const SavedTraining& saved) {
  return from_metadata(to_metadata(saved), "file");
}

bool is_valid(const TrainingConfig& config) {
  try {
    validate(config);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Every name of every table.
std::vector<std::string> all_names() {
  std::vector<std::string> names;
  const auto add = [&](const auto& table) {
    for (const auto& row : table) names.emplace_back(row.name);
  };
  add(named_optimizers());
  add(named_schedules());
  add(nn::named_activations());
  add(nn::named_initializers());
  add(losses::named_class_losses());
  return names;
}

/// Other values for a member of each type; which of them is possible, `is_valid` says.
std::vector<double> others(double) { return {0.25, 0.5, 2.0, 300.0}; }
std::vector<std::optional<double>> others(const std::optional<double>&) { return {0.1 + 0.2}; }
std::vector<bool> others(bool now) { return {!now}; }
std::vector<std::int64_t> others(std::int64_t now) { return {now + 7}; }
std::vector<std::uint64_t> others(std::uint64_t) { return {18446744073709551615U}; }
std::vector<std::string> others(const std::string&) { return all_names(); }
std::vector<std::vector<std::int64_t>> others(const std::vector<std::int64_t>&) { return {{7, 8, 9}}; }

/// Calls check(name, training) with a training that differs from `base` in one field, for each field.
void with_each_field_changed(const SavedTraining& base,
                             const std::function<void(std::string_view, const SavedTraining&)>& check) {
  SavedTraining changed = base;
  for_each_field(
      [&](std::string_view name, const auto& before, auto& member) {
        bool tried = false;
        for (const auto& other : others(before)) {
          member = other;
          if (tried || member == before || !is_valid(changed.config)) continue;
          tried = true;
          check(name, changed);
        }
        EXPECT_TRUE(tried) << name << " has no other value";
        member = before;
      },
      base, changed);
}

TEST(TrainingConfig, KeepsEveryFieldThroughACheckpoint) {
  int fields = 0;
  with_each_field_changed({}, [&](std::string_view name, const SavedTraining& changed) {
    EXPECT_NE(changed, SavedTraining{}) << name;
    EXPECT_EQ(written_and_read(changed), changed) << name;
    ++fields;
  });
  EXPECT_GE(fields, 35);
}

TEST(TrainingConfig, NamesEveryFieldOnce) {
  std::set<std::string_view> names;
  const SavedTraining saved;
  for_each_field([&](std::string_view name, const auto&) { EXPECT_TRUE(names.insert(name).second) << name; },
                 saved);
}

TEST(TrainingConfig, KeepsEveryOptimizerAndScheduleThroughACheckpoint) {
  for (const OptimizerChoice& choice : named_optimizers()) {
    SavedTraining saved;
    saved.config.optimizer = default_optimizer(choice.name);
    EXPECT_EQ(written_and_read(saved), saved) << choice.name;
  }
  for (const ScheduleChoice& choice : named_schedules()) {
    SavedTraining saved;
    saved.config.optimizer.schedule = {.kind = std::string(choice.name), .gamma = 0.5, .every = 10.0};
    EXPECT_EQ(written_and_read(saved), saved) << choice.name;
  }
}

TEST(TrainingConfig, IsThatOfARecipeAlsoAfterACheckpoint) {
  std::set<std::string> all;
  for (const Dialect& dialect : read_dialects(WEFT_DIALECTS)) {
    const SavedTraining saved{.config = training_of(dialect), .position = {.epoch = 2}};
    EXPECT_EQ(written_and_read(saved), saved) << dialect.name;
    EXPECT_EQ(saved.config.optimizer, dialect.optimizer);
    EXPECT_EQ(saved.config.label_smoothing, dialect.label_smoothing);
    EXPECT_EQ(saved.config.model.initializer, dialect.initializer.weights);
    all.insert(to_metadata(saved).begin()->second);
  }
  EXPECT_EQ(all.size(), 6U);
}

TEST(TrainingConfig, HasDefaultsForWhatOlderCheckpointsDoNotSay) {
  const SavedTraining read = from_metadata(
      {{"weft.mnist",
        R"({"activation":"tanh","batch":33,"batches_done":17,"classes":10,"epoch":3,"init":"he_normal","inputs":784,)"
        R"("layers":[7,8],"loss_sum":0.5,"lr":0.05,"optimizer":"momentum","seed":5})"}},
      "file");
  TrainingConfig expected;
  expected.model.layers = {7, 8};
  expected.model.activation = "tanh";
  expected.model.initializer = "he_normal";
  expected.optimizer.name = "momentum";
  expected.optimizer.learning_rate = 0.05;
  expected.batch = 33;
  expected.seed = 5;
  EXPECT_EQ(read.config, expected);
  EXPECT_EQ(read.position, (TrainPosition{.epoch = 3, .batch = 17, .loss_sum = 0.5}));
  EXPECT_EQ(read.best, BestEpoch{});
}

TEST(TrainingConfig, DoesNotTrustACheckpoint) {
  const Metadata good = to_metadata({});
  const nlohmann::json text = nlohmann::json::parse(good.begin()->second);
  const auto with = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json altered = text;
    altered[key] = value;
    return Metadata{{good.begin()->first, altered.dump()}};
  };
  const auto without = [&](const char* key) {
    nlohmann::json altered = text;
    altered.erase(key);
    return Metadata{{good.begin()->first, altered.dump()}};
  };
  const std::vector<Metadata> hostile{
      {},
      {{good.begin()->first, "no json"}},
      {{good.begin()->first, "[]"}},
      {{good.begin()->first, "{}"}},
      without("layers"),
      without("optimizer"),
      with("inputs", 0),
      with("inputs", -1),
      with("inputs", 1e3),
      with("inputs", 18446744073709551615U),
      with("layers", {100, 0}),
      with("layers", {{"a", 1}}),
      with("activation", "step"),
      with("activation", 7),
      with("optimizer", "tiger"),
      with("schedule", "zigzag"),
      with("loss", "none"),
      with("lr", -1),
      with("lr", "fast"),
      with("dropout", 1),
      with("decay_biases", 1),
      with("bias_init", "orthogonal"),
      with("pixel_deviation", 0),
      with("batch", 0),
      with("epoch", -3),
      with("epochs", 9000000000000000000),
      with("field_of_the_future", 1),
  };
  for (const Metadata& metadata : hostile) {
    SCOPED_TRACE(metadata.empty() ? "nothing" : metadata.begin()->second);
    expect_error(ErrorCode::bad_file, {"some.safetensors"},
                 [&] { from_metadata(metadata, "some.safetensors"); });
  }
}

}  // namespace
}  // namespace weft::mnist
