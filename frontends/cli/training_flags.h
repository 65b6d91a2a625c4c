#pragma once
// The flags that describe a network and its training, which `train`, `inspect`, `profile` and `check` share.
// The tables of choices say what they offer; a recipe, a checkpoint or the defaults give their initial
// values.

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "weft/frontends/mnist/study/dialect.h"
#include "weft/frontends/mnist/training_config.h"

namespace weft::cli {

/// Which flags a command has besides those of the network, the optimizer and the schedule.
struct TrainingFlagOptions {
  mnist::TrainingConfig defaults{};
  bool runs_epochs = false;  // --epochs; with `network` --validation and --patience
  bool takes_model = false;  // --model
  bool network = true;       // all flags of a network of digits, its loss and its recipes
};

class TrainingFlags {
 public:
  /// Adds the flags to `app`. The object must stay where it is until the flags were parsed.
  void add_to(CLI::App& app, const TrainingFlagOptions& options);

  /// Whether a flag was given that describes a network, which is any flag except --seed.
  bool describe_a_network() const;

  /// The training that the flags ask for. Pixels are scaled as the recipe says; a recipe that standardizes
  /// them needs `scale_pixels` with the training images, u8 [n, pixels]. Throws CLI::ValidationError for
  /// flags that exclude each other and Error for a recipe or a checkpoint that cannot be read.
  mnist::TrainingConfig config() const;
  void scale_pixels(const Tensor& images, mnist::TrainingConfig& config) const;

  /// A saved training with the changes that the flags may make to it: the rate, the epochs and the patience.
  /// Throws CLI::ValidationError for any other flag that contradicts the checkpoint.
  mnist::TrainingConfig resumed(const mnist::TrainingConfig& saved) const;

 private:
  void add_network(CLI::App& app);
  void add_optimizer(CLI::App& app);
  void add_schedule(CLI::App& app);
  void add_training(CLI::App& app, const TrainingFlagOptions& options);
  void add_recipe(CLI::App& app, const TrainingFlagOptions& options, const std::string& group);
  void add_loss(CLI::App& app, const TrainingFlagOptions& options, const std::string& group);
  std::size_t count(std::string_view field) const;
  std::optional<mnist::Dialect> recipe() const;
  void apply(mnist::TrainingConfig& config) const;
  void expect_keys_of_the_choices(const mnist::TrainingConfig& config) const;

  const CLI::App* app_ = nullptr;
  mnist::TrainingConfig given_;
  mnist::TrainingConfig defaults_;
  std::string recipe_;
  std::string model_;
};

/// The tables of optimizers and schedules for people.
std::string methods_in_words();
/// All tables of choices for people, below the flags of `weft train --help`.
std::string choices_in_words();

/// "784-100-10 relu".
std::string network_in_words(const mnist::MlpConfig& model);

}  // namespace weft::cli
