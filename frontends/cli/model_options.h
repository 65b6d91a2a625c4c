#pragma once
// The flags that several commands share.

#include <CLI/CLI.hpp>

#include "weft/frontends/mnist/training_config.h"

namespace weft::cli {

/// --layers, --activation, --init, --batch, --optimizer, --lr, --seed: reads them into `config`, which must
/// outlive the parsing.
void add_model_options(CLI::App& app, mnist::TrainingConfig& config);

}  // namespace weft::cli
