#pragma once
// The flags that several commands share, besides those of a training (training_flags.h).

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>

#include "weft/runtime/session.h"

namespace weft::cli {

inline constexpr const char* kFileGroup = "Files";
inline constexpr const char* kComputingGroup = "Computing";

/// --data: reads it into `data`, which must outlive the parsing.
void add_data_option(CLI::App& app, std::optional<std::filesystem::path>& data);

/// How a command computes.
struct ThreadOptions {
  int threads = 1;
  int cuts = 0;
};

/// --threads, --cuts: reads them into `options`, which must outlive the parsing.
void add_thread_options(CLI::App& app, ThreadOptions& options);

/// --precision f32|bf16: reads it into `products` (CompileOptions::products), which must outlive the parsing.
void add_precision_option(CLI::App& app, Precision& products);

/// --sparse auto|on|off: reads it into `skip_zeros`, which must outlive the parsing.
void add_sparse_option(CLI::App& app, SkipZeros& skip_zeros);

}  // namespace weft::cli
