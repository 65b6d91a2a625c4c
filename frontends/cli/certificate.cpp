#include "weft/frontends/cli/certificate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weft/frontends/verify/derivative_check.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/graph/text.h"

namespace weft::cli {
namespace {

using verify::Certificate;
using verify::ModelCertificate;
using verify::ProgramCertificate;

std::string number(double error) { return error == 0.0 ? "0" : fmt::format("{:.0e}", error); }

const char* verdict(bool passed) { return passed ? "ok" : "FAILED"; }

}  // namespace

void print_build(const report::Machine& machine) {
  std::vector<std::string> libraries;
  for (const auto& [name, version] : machine.libraries)
    libraries.push_back(fmt::format("{} {}", name, version));
  fmt::print("machine    {} ({}); weft's kernels chose {}\n", machine.cpu,
             fmt::join(machine.cpu_features, " "), machine.vectors);
  fmt::print("libraries  {}\n", fmt::join(libraries, ", "));
  fmt::print("compiler   {}\n", machine.compiler);
}

void print_op_header() {
  fmt::print(
      "\nops: gradients in f64 within {:.0e} of differences, the second within {:.0e}, forward mode within "
      "{:.0e};\n     kernels within {:.0e} of the reference in f32, {:.0e} in f64, whole numbers exactly\n\n",
      verify::kGradientBound, verify::kSecondBound, verify::kForwardBound, verify::kKernelBoundF32,
      verify::kKernelBoundF64);
  fmt::print("{:<22} {:>7} {:>7}  {:>8} {:>8} {:>8}  {:>8} {:>8}\n", "", "", "", "gradient", "second",
             "forward", "kernels", "kernels");
  fmt::print("{:<22} {:>7} {:>7}  {:>8} {:>8} {:>8}  {:>8} {:>8}\n", "op", "samples", "refused", "f64", "f64",
             "f64", "f32", "f64");
}

void print_row(const Certificate& certificate) {
  const bool verified = certificate.gradient == "verified" && certificate.samples > 0;
  const auto gradient = [&](double error) { return verified ? number(error) : "-"; };
  const auto kernels = [&](double error) { return certificate.kernels.empty() ? "-" : number(error); };
  fmt::print("{:<22} {:>7} {:>7}  {:>8} {:>8} {:>8}  {:>8} {:>8}  {}\n", certificate.op, certificate.samples,
             certificate.refusals, gradient(certificate.gradient_error), gradient(certificate.second_error),
             gradient(certificate.forward_error), kernels(certificate.kernel_error_f32),
             kernels(certificate.kernel_error_f64), verdict(certificate.passed()));
}

nlohmann::ordered_json as_json(const Certificate& certificate) {
  return {{"op", certificate.op},
          {"passed", certificate.passed()},
          {"dtypes", {"f32", "f64"}},
          {"gradient", certificate.gradient},
          {"samples", certificate.samples},
          {"refusals", certificate.refusals},
          {"gradient_error", certificate.gradient_error},
          {"second_error", certificate.second_error},
          {"forward_error", certificate.forward_error},
          {"kernel_error", {{"f32", certificate.kernel_error_f32}, {"f64", certificate.kernel_error_f64}}},
          {"kernels", certificate.kernels},
          {"failures", certificate.failures}};
}

void print_model_header() {
  const auto f32_bounds = verify::model_bounds(f32);
  const auto f64_bounds = verify::model_bounds(f64);
  fmt::print(
      "\ntraining functions, compiled with all passes: gradients within {:.0e} of differences of the plain "
      "reference\nin f32, {:.0e} in f64; a step within {:.0e} of its change in f32, {:.0e} in f64\n\n",
      f32_bounds.gradient, f64_bounds.gradient, f32_bounds.step, f64_bounds.step);
  fmt::print("{:<40} {:>5} {:>11}  {:>8} {:>8}\n", "model", "dtype", "differences", "gradient", "step");
}

void print_row(const ModelCertificate& certificate) {
  fmt::print("{:<40} {:>5} {:>11}  {:>8} {:>8}  {}\n", printable(certificate.model),
             name_of(certificate.dtype), certificate.derivatives, number(certificate.gradient_error),
             number(certificate.step_error), verdict(certificate.passed()));
}

nlohmann::ordered_json as_json(const ModelCertificate& certificate) {
  return {{"model", certificate.model},
          {"dtype", name_of(certificate.dtype)},
          {"passed", certificate.passed()},
          {"derivatives", certificate.derivatives},
          {"gradient_error", certificate.gradient_error},
          {"step_error", certificate.step_error},
          {"failures", certificate.failures}};
}

void print_program_header() {
  fmt::print(
      "\nrandom programs, compiled with all passes: results within {:.0e} of the plain reference in f32,\n"
      "{:.0e} in f64\n\n",
      verify::program_bound(f32), verify::program_bound(f64));
  fmt::print("{:<5} {:>8} {:>7}  {:>8}\n", "dtype", "programs", "nodes", "result");
}

void print_row(const ProgramCertificate& certificate) {
  fmt::print("{:<5} {:>8} {:>7}  {:>8}  {}\n", name_of(certificate.dtype), certificate.programs,
             certificate.nodes, number(certificate.error), verdict(certificate.passed()));
}

nlohmann::ordered_json as_json(const ProgramCertificate& certificate) {
  return {{"dtype", name_of(certificate.dtype)}, {"passed", certificate.passed()},
          {"programs", certificate.programs},    {"nodes", certificate.nodes},
          {"error", certificate.error},          {"failures", certificate.failures}};
}

void print_failures(std::string_view subject, std::span<const std::string> failures) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(kShown, failures.size());
  for (std::size_t i = 0; i < shown; ++i) {
    fmt::print(stderr, "weft: {}: {}\n", printable(subject), printable(failures[i]));
  }
  if (failures.size() > shown) {
    fmt::print(stderr, "weft: {}: and {} more\n", printable(subject), failures.size() - shown);
  }
}

}  // namespace weft::cli
