// The program `weft`.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/job.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/runtime/machine/onednn.h"

namespace weft::cli {
namespace {

/// "weft train" or "weft onnx run" if that command was chosen, otherwise "weft".
std::string command_of(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : fmt::format("{} {}", app.get_name(), command_of(*chosen.front()));
}

std::string mistake(const CLI::App& app, const CLI::ParseError& error) {
  const auto strays = app.remaining(true);
  const bool no_command = app.get_subcommands().empty();
  if (no_command && !strays.empty()) {
    return fmt::format("unknown {} '{}'", strays[0].starts_with('-') ? "option" : "command", strays[0]);
  }
  if (no_command) return "no command was given";
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !strays.empty()) {
    return fmt::format("unknown {} '{}'", strays[0].starts_with('-') ? "option" : "argument", strays[0]);
  }
  return error.what();
}

/// Prints CLI11's message: help on stdout, a mistake as one line on stderr.
/// Where a launcher started several processes, the first speaks for all.
int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  if (launched_rank() > 0) {
    // A launcher ends the other processes where one fails: the first must have spoken by then.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success) ? kSuccess : kUsage;
  }
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error);
    return kSuccess;
  }
  fmt::print(stderr, "weft: {} (see {} --help)\n", printable(mistake(app, error)), command_of(app));
  return kUsage;
}

int run(int argc, char** argv) {
  CLI::App app{"weft: trains and runs computation graphs on the CPU", "weft"};
  app.set_version_flag("--version",
                       [] { return fmt::format("weft {} with {}", WEFT_VERSION, onednn_version()); });
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  const std::array commands{add_train(app), add_predict(app), add_inspect(app), add_profile(app),
                            add_check(app), add_onnx(app),    add_study(app),   add_scale(app)};
  try {
    app.parse(argc, argv);
    for (const Registered& command : commands) {
      if (app.got_subcommand(command.app)) return run_command(command);
    }
  } catch (const CLI::ParseError& error) {
    return report_usage(app, error);
  }
  return kUsage;
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
  try {
    return weft::cli::run(argc, argv);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "weft: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "weft: {}\n", weft::printable(error.what()));
  }
  return weft::cli::kFailure;
}
