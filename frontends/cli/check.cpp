#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/proof/certify.h"
#include "weft/frontends/proof/derivative_check.h"
#include "weft/frontends/proof/kernel_check.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/onednn.h"

namespace weft::cli {
namespace {

using proof::Certificate;

struct CheckArgs {
  std::vector<std::string> ops;
  int samples = 20;
  std::uint64_t seed = 1;
  bool json = false;
};

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

std::string machine() {
  return fmt::format("weft {}, {}, {} vectors, built by {}", WEFT_VERSION, onednn_version(),
                     vector_functions().instruction_set, kCompiler);
}

std::string number(double error) { return error == 0.0 ? "0" : fmt::format("{:.0e}", error); }

void print_header() {
  fmt::print("{}\n", machine());
  fmt::print(
      "bounds: gradient {:.0e}, second {:.0e}, forward {:.0e}, kernels {:.0e} (f32) and {:.0e} (f64)\n\n",
      proof::kGradientBound, proof::kSecondBound, proof::kForwardBound, proof::kKernelBoundF32,
      proof::kKernelBoundF64);
  fmt::print("{:<22} {:>7} {:>7}  {:>8} {:>8} {:>8}  {:>8}  {}\n", "op", "samples", "refused", "gradient",
             "second", "forward", "kernels", "");
}

void print_row(const Certificate& certificate) {
  const bool proven = certificate.gradient == "proven" && certificate.samples > 0;
  const auto column = [&](double error) { return proven ? number(error) : "-"; };
  fmt::print("{:<22} {:>7} {:>7}  {:>8} {:>8} {:>8}  {:>8}  {}\n", certificate.op, certificate.samples,
             certificate.refusals, column(certificate.gradient_error), column(certificate.second_error),
             column(certificate.forward_error),
             certificate.kernels.empty() ? "-" : number(certificate.kernel_error),
             certificate.passed() ? "ok" : "FAILED");
}

/// The first failures of each op; the rest are most often the same one.
void print_failures(const Certificate& certificate) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(kShown, certificate.failures.size());
  for (std::size_t i = 0; i < shown; ++i) {
    fmt::print(stderr, "weft: {}: {}\n", certificate.op, certificate.failures[i]);
  }
  if (certificate.failures.size() > shown) {
    fmt::print(stderr, "weft: {}: and {} more\n", certificate.op, certificate.failures.size() - shown);
  }
}

nlohmann::ordered_json as_json(const Certificate& certificate) {
  return {{"op", certificate.op},
          {"passed", certificate.passed()},
          {"gradient", certificate.gradient},
          {"samples", certificate.samples},
          {"refusals", certificate.refusals},
          {"gradient_error", certificate.gradient_error},
          {"second_error", certificate.second_error},
          {"forward_error", certificate.forward_error},
          {"kernel_error", certificate.kernel_error},
          {"kernels", certificate.kernels},
          {"failures", certificate.failures}};
}

/// The specifications that were asked for: all of them where nothing was.
std::vector<proof::Specification> chosen(const std::vector<std::string>& ops) {
  std::vector<proof::Specification> all = proof::builtin_specifications();
  for (const std::string& op : ops) {
    if (std::ranges::find(all, op, &proof::Specification::op) == all.end()) {
      throw CLI::ValidationError(fmt::format("--op: there is no op '{}'", op));
    }
  }
  if (!ops.empty()) {
    std::erase_if(all, [&](const auto& entry) { return std::ranges::find(ops, entry.op) == ops.end(); });
  }
  return all;
}

int check(const CheckArgs& args) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  int failed = 0;
  int proven = 0;
  const auto specifications = chosen(args.ops);
  if (!args.json) print_header();
  for (const proof::Specification& specification : specifications) {
    const Certificate certificate = certify(specification, {.seed = args.seed, .samples = args.samples});
    failed += certificate.passed() ? 0 : 1;
    proven += certificate.passed() && certificate.gradient == "proven" && certificate.samples > 0 ? 1 : 0;
    if (args.json) {
      list.push_back(as_json(certificate));
    } else {
      print_row(certificate);
    }
    print_failures(certificate);
  }
  if (args.json) {
    const nlohmann::ordered_json line{
        {"machine", machine()}, {"seed", args.seed}, {"failed", failed}, {"ops", list}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("\n{} ops: {} gradients proven, {} failed\n", specifications.size(), proven, failed);
  }
  return failed == 0 ? kSuccess : kFailure;
}

}  // namespace

Registered add_check(CLI::App& weft) {
  auto args = std::make_shared<CheckArgs>();
  CLI::App* app = weft.add_subcommand(
      "check",
      "Proves every op on this machine: gradients against differences, kernels against the reference");
  app->add_option("--op", args->ops, "Only these ops")->delimiter(',')->type_name("NAME");
  constexpr int kMostSamples = 1'000'000;
  app->add_option("--samples", args->samples, "Random samples of each form of an op")
      ->check(CLI::Range(1, kMostSamples));
  app->add_option("--seed", args->seed, "Seed of the samples");
  app->add_flag("--json", args->json, "Prints one line of JSON");
  return {app, [args] { return check(*args); }};
}

}  // namespace weft::cli
