#pragma once
// The flags that several commands share.

#include <CLI/CLI.hpp>

#include "weft/frontends/mnist/training_config.h"

namespace weft::cli {

/// --layers, --activation, --init, --batch, --optimizer, --lr, --seed: reads them into `config`, which must
/// outlive the parsing.
void add_model_options(CLI::App& app, mnist::TrainingConfig& config);

/// How a command computes.
struct ThreadOptions {
  int threads = 1;
  int cuts = 0;
};

/// --threads, --cuts: reads them into `options`, which must outlive the parsing.
void add_thread_options(CLI::App& app, ThreadOptions& options);

/// --sparse auto|on|off: reads it into `skip_zeros`, which must outlive the parsing.
void add_sparse_option(CLI::App& app, SkipZeros& skip_zeros);

}  // namespace weft::cli
