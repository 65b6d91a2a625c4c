#include "weft/frontends/verify/kernel_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/frontends/verify/guarded_buffer.h"
#include "weft/frontends/verify/numbers.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/bodies.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/kernel_list.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/machine/signals.h"

namespace weft::verify {
namespace {

void run_shard(const KernelChoice& kernel, int shards, int shard, std::span<std::byte* const> in,
               std::span<std::byte* const> out, std::string& damage) {
  const bool whole = kernel.cut.extent <= 1;
  const Range range = whole ? Range{.begin = 0, .end = kernel.cut.extent} : share(kernel.cut, shards, shard);
  if (whole ? shard > 0 : range.begin == range.end) return;
  const auto made = kernel.make(range);
  const std::int64_t scratch_size[] = {static_cast<std::int64_t>(made->scratch_bytes())};
  GuardedBuffer scratch(u8, scratch_size);
  made->run({.inputs = in, .outputs = out, .scratch = static_cast<std::byte*>(scratch.arg().data)});
  if (!scratch.intact()) damage = "wrote outside of its scratch memory";
}

/// Checks that every way to run a kernel on one sample is near the reference.
void try_kernel(const KernelChoice& kernel, std::span<const TensorType> types, std::span<const Tensor> inputs,
                std::span<const Tensor> expected, double bound, KernelFindings& findings) {
  const auto judge = [&](int shards, std::optional<InPlace> in_place) {
    const GuardedRun run = run_guarded(kernel, types, inputs, shards, in_place);
    const std::string how =
        fmt::format("kernel {} in {} shard{}{}", kernel.name, shards, shards == 1 ? "" : "s",
                    in_place ? fmt::format(", input {} in place", in_place->input) : "");
    if (!run.damage.empty()) findings.failures.push_back(fmt::format("{} {}", how, run.damage));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = distance(run.outputs[i], expected[i]);
      if (kernel.name != "reference") findings.worst = std::max(findings.worst, error);
      if (error > bound) {
        findings.failures.push_back(
            fmt::format("{} is {} away from the reference in output {}", how, error, i));
      }
    }
  };
  for (const int shards : {1, 2, 3, 4}) judge(shards, std::nullopt);
  for (const InPlace& in_place : kernel.in_place) judge(1, in_place);
}

/// The first element that differs from its b, rounded to f32, by more than bound * |b|. Denormal numbers may
/// differ by less than the smallest normal one.
std::optional<std::string> first_relative_difference(const Tensor& actual, const Tensor& expected,
                                                     double bound) {
  const auto a = numbers_of(actual);
  const auto b = numbers_of(expected);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto rounded = static_cast<double>(static_cast<float>(b[i]));
    if (a[i] == rounded || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const auto smallest = static_cast<double>(std::numeric_limits<float>::min());
    const double error = std::abs(a[i] - b[i]) / std::max(std::abs(b[i]), smallest);
    if (!(error <= bound)) return fmt::format("{:.9g} for {:.9g}", a[i], b[i]);
  }
  return std::nullopt;
}

}  // namespace

double distance(const Tensor& actual, const Tensor& expected) {
  constexpr double kLargestWhole = 16777216.0;  // 2^24: below it f32 holds every integer
  const auto a = numbers_of(actual);
  const auto b = numbers_of(expected);
  const bool whole =
      std::ranges::all_of(b, [](double x) { return std::abs(x) <= kLargestWhole && x == std::trunc(x); });
  double worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double error = whole ? HUGE_VAL : std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
  }
  return worst;
}

std::vector<Tensor> in_precision(std::span<const Tensor> tensors, DType dtype) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) {
    const bool converted = is_float(tensor.dtype()) && tensor.dtype() != dtype;
    result.push_back(converted ? evaluate(Cast{dtype}, {{tensor}})[0] : tensor);
  }
  return result;
}

Op with_floats_of(const Op& op, DType dtype) {
  const auto converted = [dtype](TensorType type) {
    if (is_float(type.dtype)) type.dtype = dtype;
    return type;
  };
  std::vector<Body> bodies = op.bodies();
  if (bodies.empty()) return op;
  for (Body& body : bodies) {
    for (TensorType& type : body.arguments) type = converted(type);
    Program program = rewrite(
        *body.program->graph, body.program->roots,
        [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
          const auto add = [&](const Op& made) {
            return target.outputs_of(target.add(made, inputs, node.where, node.name));
          };
          if (const auto* argument = node.op.as<Input>())
            return add(Input{.label = argument->label, .type = converted(argument->type)});
          if (const Tensor* tensor = node.op.constant())
            return add(Constant{in_precision({tensor, 1}, dtype)[0]});
          return add(node.op);
        },
        true);
    body.program = std::make_shared<const Program>(std::move(program));
  }
  return op.with_bodies(std::move(bodies));
}

GuardedRun run_guarded(const KernelChoice& kernel, std::span<const TensorType> outputs,
                       std::span<const Tensor> inputs, int shards, std::optional<InPlace> in_place) {
  GuardedRun result;
  std::vector<GuardedBuffer> buffers;
  for (const TensorType& type : outputs) buffers.emplace_back(type.dtype, type.shape.sizes());
  std::vector<Tensor> copies;
  for (const Tensor& input : inputs) copies.push_back(input.clone());
  std::vector<std::byte*> in;
  std::vector<std::byte*> out;
  for (GuardedBuffer& buffer : buffers) out.push_back(static_cast<std::byte*>(buffer.arg().data));
  for (Tensor& copy : copies) in.push_back(static_cast<std::byte*>(copy.mutable_data()));
  if (in_place) {
    const auto [output, input] = *in_place;
    std::ranges::copy(std::span(in[input], copies[input].bytes()), out[output]);
    in[input] = out[output];
  }
  const OneDnnSingleThread single;  // as in a session
  const SignalShield shield;
  // From the last shard to the first: no shard may count on another.
  for (int shard = shards; shard-- > 0;) run_shard(kernel, shards, shard, in, out, result.damage);
  for (const GuardedBuffer& buffer : buffers) {
    if (!buffer.intact()) result.damage = "wrote outside of an output";
    result.outputs.push_back(buffer.tensor().clone());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!identical(copies[i], inputs[i])) result.damage = fmt::format("changed its input {}", i);
  }
  return result;
}

KernelFindings check_kernels(const Sample& sample, DType dtype) {
  KernelFindings findings;
  const std::vector<Tensor> inputs = in_precision(sample.inputs, dtype);
  std::vector<TensorType> input_types;
  for (const Tensor& input : inputs) input_types.push_back(input.type());
  const Op op = with_floats_of(sample.op, dtype);
  const std::vector<TensorType> types = op.infer(input_types);
  const std::vector<Tensor> expected = evaluate(op, inputs);
  const std::vector<Tensor> precise = evaluate(sample.op, sample.inputs);
  for (std::size_t i = 0; dtype == f32 && i < expected.size(); ++i) {
    const double error = distance(expected[i], precise[i]);
    if (error > kKernelBoundF32) {
      findings.failures.push_back(fmt::format("the reference in f32 is {} away from itself in f64", error));
    }
  }
  for (const KernelEntry& entry : kernel_list()) {
    auto kernel = entry.offer({.op = op, .inputs = input_types, .outputs = types});
    if (!kernel || kernel->make == nullptr) continue;  // programs inside of a step run in plans alone
    kernel->name = entry.name;
    if (entry.name != "reference") findings.kernels.push_back(entry.name);
    const bool exact = entry.name == "reference";
    const double bound = exact ? 0.0 : dtype == f32 ? kKernelBoundF32 : kKernelBoundF64;
    try_kernel(*kernel, types, inputs, expected, bound, findings);
  }
  return findings;
}

KernelFindings check_extremes(const Sample& sample, double bound) {
  KernelFindings findings;
  const std::vector<Tensor> inputs = in_precision(sample.inputs, f32);
  std::vector<TensorType> input_types;
  for (const Tensor& input : inputs) input_types.push_back(input.type());
  const std::vector<TensorType> types = sample.op.infer(input_types);
  const std::vector<Tensor> expected = evaluate(sample.op, inputs);
  const std::vector<Tensor> precise = evaluate(sample.op, sample.inputs);
  const auto judge = [&](const std::string& what, const std::vector<Tensor>& actual,
                         const std::vector<Tensor>& wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (const auto text = first_relative_difference(actual[i], wanted[i], bound)) {
        findings.failures.push_back(fmt::format("on extreme numbers {}: {} in output {}", what, *text, i));
      }
    }
  };
  judge("the reference in f32 is not itself in f64", expected, precise);
  for (const KernelEntry& entry : kernel_list()) {
    const auto kernel = entry.offer({.op = sample.op, .inputs = input_types, .outputs = types});
    if (!kernel || entry.name == "reference") continue;
    judge(fmt::format("the kernel {} is not the reference", entry.name),
          run_guarded(*kernel, types, inputs, 1).outputs, expected);
  }
  return findings;
}

}  // namespace weft::verify
