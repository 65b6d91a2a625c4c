#include "weft/frontends/verify/promise_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/graph/evaluate.h"
#include "weft/graph/graph.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

using Findings = std::vector<std::string>;

std::vector<TensorType> types_of(std::span<const Tensor> tensors) {
  std::vector<TensorType> types;
  for (const Tensor& tensor : tensors) types.push_back(tensor.type());
  return types;
}

std::string shape_texts(std::span<const TensorType> types) {
  std::string text;
  for (const TensorType& type : types) text += (text.empty() ? "" : " ") + to_string(type);
  return text;
}

/// Checks that the shape rule gives the same for symbols that are bound afterwards as for numbers. It may
/// refuse symbols.
void check_symbols(const Sample& sample, std::span<const TensorType> outputs, Findings& findings) {
  Bindings bindings;
  std::vector<TensorType> symbolic;
  for (const TensorType& type : types_of(sample.inputs)) {
    std::vector<Dim> dims;
    for (const Dim& dim : type.shape) {
      const std::string symbol = fmt::format("n{}", dim.size());
      bindings[symbol] = dim.size();
      dims.push_back(dim.size() > 1 ? Dim(symbol) : dim);
    }
    symbolic.push_back({type.dtype, Shape(std::move(dims))});
  }
  std::vector<TensorType> inferred;
  try {
    inferred = sample.op.infer(symbolic);
  } catch (const Error&) {
    return;
  }
  for (TensorType& type : inferred) type.shape = type.shape.bind(bindings);
  if (!std::ranges::equal(inferred, outputs)) {
    findings.push_back(fmt::format("the shape rule says {} of {} with symbols, and {} without",
                                   shape_texts(inferred), shape_texts(symbolic), shape_texts(outputs)));
  }
}

void check_identity(const Sample& sample, Findings& findings) {
  const Op copy = sample.op.bind({});
  if (!(copy == sample.op) || copy.hash() != sample.op.hash()) {
    findings.emplace_back("a copy of the op is not equal to it");
  }
  if (to_string(sample.op).empty()) findings.emplace_back("it prints as nothing");
}

bool same(std::span<const Tensor> a, std::span<const Tensor> b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) { return identical(x, y); });
}

void check_traits(const Sample& sample, std::span<const Tensor> outputs, Findings& findings) {
  const Traits traits = sample.op.traits();
  if (!same(evaluate(sample.op, sample.inputs), outputs)) findings.emplace_back("two runs differ");
  if (traits.commutative) {
    std::vector<Tensor> swapped(sample.inputs.rbegin(), sample.inputs.rend());
    if (!same(evaluate(sample.op, swapped), outputs)) findings.emplace_back("it is not commutative");
  }
  if (traits.view) {
    const Tensor& x = sample.inputs[0];
    const Tensor& y = outputs[0];
    const auto bytes = [](const Tensor& t) {
      return std::span(static_cast<const std::byte*>(t.data()), t.bytes());
    };
    if (!std::ranges::equal(bytes(x), bytes(y))) findings.emplace_back("it is not a view of its input");
  }
}

/// Checks that the first half of the rows alone gives the first half of the results.
void check_rows(const Sample& sample, std::span<const Tensor> outputs, Findings& findings) {
  const auto is_vector = [](const Tensor& tensor) { return tensor.rank() <= 1; };
  const bool vectors =
      std::ranges::all_of(sample.inputs, is_vector) && std::ranges::all_of(outputs, is_vector);
  if (!sample.op.traits().row_wise || vectors || outputs[0].rank() == 0 || outputs[0].sizes()[0] < 2) return;
  const std::int64_t rows = outputs[0].sizes()[0];
  std::vector<Tensor> upper;
  for (const Tensor& input : sample.inputs) {
    const bool by_rows = input.rank() > 0 && input.sizes()[0] == rows;
    upper.push_back(by_rows ? input.rows(0, rows / 2) : input);
  }
  try {
    sample.op.infer(types_of(upper));
  } catch (const Error&) {
    return;  // its attributes fix the number of rows
  }
  const std::vector<Tensor> halves = evaluate(sample.op, upper);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!identical(halves[i], outputs[i].rows(0, rows / 2))) findings.emplace_back("a row needs other rows");
  }
}

}  // namespace

std::vector<std::string> check_promises(const Sample& sample) {
  Findings findings;
  check_identity(sample, findings);
  const std::vector<TensorType> types = sample.op.infer(types_of(sample.inputs));
  const std::vector<Tensor> outputs = evaluate(sample.op, sample.inputs);
  if (!std::ranges::equal(types_of(outputs), types)) {
    findings.emplace_back("it computes other types than its shape rule says");
  }
  check_symbols(sample, types, findings);
  check_traits(sample, outputs, findings);
  check_rows(sample, outputs, findings);
  return findings;
}

std::vector<std::string> check_refusal(const Refusal& refusal) {
  const std::string what =
      fmt::format("{} of {}", to_string(refusal.op), shape_texts(types_of(refusal.inputs)));
  try {
    refusal.op.infer(types_of(refusal.inputs));
    evaluate(refusal.op, refusal.inputs);
  } catch (const Error& error) {
    if (error.code() == refusal.code && !error.message().empty()) return {};
    return {
        fmt::format("{} is refused as {} and not as {}", what, name_of(error.code()), name_of(refusal.code))};
  }
  return {fmt::format("{} is not refused", what)};
}

}  // namespace weft::verify
