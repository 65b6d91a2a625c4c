#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "weft/frontends/cli/certificate.h"
#include "weft/frontends/cli/check_models.h"
#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/cli/validators.h"
#include "weft/runtime/files/json_text.h"

namespace weft::cli {
namespace {

struct CheckArgs {
  TrainingFlags flags;
  std::vector<std::string> ops;
  int samples = 20;
  bool json = false;
};

constexpr std::int64_t kBatch = 8;  // the reference interpreter is slow

/// The specifications of the given ops, or all of them without a list.
std::vector<verify::Specification> chosen(const std::vector<std::string>& ops) {
  std::vector<verify::Specification> all = verify::builtin_specifications();
  std::vector<std::string_view> names;
  for (const verify::Specification& known : all) names.emplace_back(known.op);
  for (const std::string& op : ops) {
    if (std::ranges::find(names, op) != names.end()) continue;
    throw CLI::ValidationError(
        fmt::format("--op: {}. A function that is made of several ops, such as einsum, is checked by its ops",
                    unknown_choice("op", op, names)));
  }
  if (!ops.empty()) {
    std::erase_if(all, [&](const auto& entry) { return std::ranges::find(ops, entry.op) == ops.end(); });
  }
  return all;
}

/// Counts of what was certified so far, for the last line or the JSON.
struct Summary {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  int count = 0;
  int failed = 0;
  int verified = 0;  // gradients, or programs

  template <typename Certificate>
  void add(const Certificate& certificate, std::string_view subject, bool json) {
    ++count;
    failed += certificate.passed() ? 0 : 1;
    if (json) {
      list.push_back(as_json(certificate));
    } else {
      print_row(certificate);
    }
    print_failures(subject, certificate.failures);
  }
};

Summary check_ops(const CheckArgs& args, std::uint64_t seed) {
  Summary summary;
  const auto specifications = chosen(args.ops);
  if (!args.json) print_op_header();
  for (const verify::Specification& specification : specifications) {
    const auto certificate = certify(specification, {.seed = seed, .samples = args.samples});
    const bool verified = certificate.gradient == "verified" && certificate.samples > 0;
    summary.verified += certificate.passed() && verified ? 1 : 0;
    summary.add(certificate, certificate.op, args.json);
  }
  return summary;
}

Summary check_models(const CheckArgs& args, std::uint64_t seed, std::span<const CheckedModel> models) {
  Summary summary;
  if (!args.json) print_model_header();
  for (const auto& [model, compile] : models) {
    for (const DType dtype : {f32, f64}) {
      const auto certificate = certify_training(model, dtype, {.seed = seed, .compile = compile});
      summary.add(certificate, fmt::format("{} in {}", model.name, name_of(dtype)), args.json);
    }
  }
  return summary;
}

Summary check_programs(const CheckArgs& args, std::uint64_t seed) {
  Summary summary;
  if (!args.json) print_program_header();
  for (const DType dtype : {f32, f64}) {
    const auto certificate = verify::certify_programs(dtype, {.seed = seed});
    summary.add(certificate, fmt::format("random programs in {}", name_of(dtype)), args.json);
    summary.verified += certificate.passed() ? certificate.programs : 0;
  }
  return summary;
}

/// The last line for people: what was certified.
std::string in_words(const Summary& ops, const Summary& programs, const Summary& models) {
  std::vector<std::string> parts;
  if (ops.count > 0) parts.push_back(fmt::format("{} ops: {} gradients verified", ops.count, ops.verified));
  if (programs.count > 0) parts.push_back(fmt::format("{} random programs", programs.verified));
  if (models.count > 0) parts.push_back(fmt::format("{} training functions", models.count));
  parts.push_back(fmt::format("{} failed", ops.failed + programs.failed + models.failed));
  return fmt::format("{}", fmt::join(parts, "; "));
}

int check(const CheckArgs& args) {
  const mnist::TrainingConfig config = args.flags.config();
  const std::uint64_t seed = config.seed;
  const bool model_asked = args.flags.describe_a_network();
  const bool ops_asked = !args.ops.empty();
  const report::Machine machine = report::this_machine();
  if (!args.json) print_build(machine);
  Summary ops;
  Summary programs;
  Summary models;
  if (ops_asked || !model_asked) ops = check_ops(args, seed);
  if (model_asked) {
    const verify::Model model = model_of_flags(config);
    models = check_models(args, seed, std::array{CheckedModel{model, {}}, without_zeros(model)});
  } else if (!ops_asked) {
    programs = check_programs(args, seed);
    models = check_models(args, seed, small_models(seed));
  }
  const int failed = ops.failed + programs.failed + models.failed;
  if (args.json) {
    const nlohmann::ordered_json line{{"build", as_json(machine)}, {"seed", seed},
                                      {"failed", failed},          {"ops", ops.list},
                                      {"programs", programs.list}, {"models", models.list}};
    fmt::print("{}\n", json_text(line));
  } else {
    fmt::print("\n{}\n", in_words(ops, programs, models));
  }
  return failed == 0 ? kSuccess : kFailure;
}

}  // namespace

Registered add_check(CLI::App& weft) {
  auto args = std::make_shared<CheckArgs>();
  CLI::App* app = weft.add_subcommand(
      "check",
      "Verifies every op, the compiler and some training functions on this machine: gradients against "
      "differences, kernels and compiled functions against the reference. With the flags of a network, it "
      "verifies the function that trains it");
  mnist::TrainingConfig defaults;
  defaults.batch = kBatch;
  args->flags.add_to(*app, {.defaults = defaults, .takes_model = true});
  app->add_option("--op", args->ops, "Only these ops")->delimiter(',')->type_name("NAME");
  constexpr int kMostSamples = 1'000'000;
  app->add_option("--samples", args->samples, "Random samples of each form of an op")
      ->check(whole_within(1, kMostSamples));
  app->add_flag("--json", args->json, "Prints one line of JSON");
  return {app, [args] { return check(*args); }};
}

}  // namespace weft::cli
