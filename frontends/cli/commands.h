#pragma once
// The commands of `weft`. Each adds itself to the application and runs when the user chose it. A command
// returns its exit code or throws Error, which main turns into one line and an exit code.

#include <CLI/CLI.hpp>
#include <functional>

namespace weft::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
inline constexpr int kInterrupted = 130;  // as shells report SIGINT

using Command = std::function<int()>;

/// A subcommand, and the function to run when the user chose it.
struct Registered {
  CLI::App* app = nullptr;
  Command run;
  bool by_ranks = false;  // whether it runs as ranks of a job too
};

Registered add_train(CLI::App& weft);
Registered add_predict(CLI::App& weft);
Registered add_inspect(CLI::App& weft);
Registered add_profile(CLI::App& weft);
Registered add_check(CLI::App& weft);
Registered add_onnx(CLI::App& weft);
Registered add_study(CLI::App& weft);
Registered add_scale(CLI::App& weft);

}  // namespace weft::cli
