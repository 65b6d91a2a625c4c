#include "weft/graph/op.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

namespace weft {

std::string attribute_text(const std::vector<std::int64_t>& value) {
  return fmt::format("[{}]", fmt::join(value, ", "));
}

void throw_kernel_dtype(DType expected, DType actual) {
  throw Error(ErrorCode::dtype_mismatch, "a kernel was given another dtype than it takes",
              {.expected = std::string(name_of(expected)), .actual = std::string(name_of(actual))});
}

DType KernelArgs::element() const {
  if (!outputs.empty() && is_float(outputs[0].dtype)) return outputs[0].dtype;
  return inputs.empty() ? outputs[0].dtype : inputs[0].dtype;
}

DType kernel_element(std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  if (!outputs.empty() && is_float(outputs[0].dtype)) return outputs[0].dtype;
  return inputs.empty() ? outputs[0].dtype : inputs[0].dtype;
}

namespace {

/// A hash of all bytes of a small tensor, or of single words spread over a large one. They are spread because
/// a graph may have thousands of constants that begin alike.
std::size_t hash_of(const Tensor& tensor) {
  constexpr std::size_t kAll = 4096;
  constexpr std::size_t kWord = 64;
  const std::string_view bytes(static_cast<const char*>(tensor.data()), tensor.bytes());
  const std::hash<std::string_view> hash;
  if (bytes.size() <= kAll) return hash(bytes);
  std::size_t mixed = bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += bytes.size() / (kAll / kWord))
    mixed = mixed * 31 + hash(bytes.substr(at, kWord));
  return mixed;
}

}  // namespace

std::size_t Op::hash() const {
  if (const Tensor* tensor = constant())
    return hash_of(*tensor) * 31 + std::hash<std::string>{}(to_string(tensor->type()));
  // The text of floating-point attributes round-trips, so that equal ops have equal texts.
  return std::hash<std::string>{}(attributes_text()) * 31 + std::hash<std::string_view>{}(name());
}

std::string no_kernel_text(DType dtype) {
  return fmt::format("there is no kernel for {}{}", name_of(dtype),
                     is_half(dtype) ? ", which is stored and not computed with; cast it to f32 first" : "");
}

std::string to_string(const Op& op) {
  const std::string attributes = op.attributes_text();
  return attributes.empty() ? std::string(op.name()) : fmt::format("{}({})", op.name(), attributes);
}

namespace detail {

void throw_arity(std::string_view op, std::size_t expected, std::size_t actual) {
  throw Error(ErrorCode::invalid_argument, "the number of inputs is wrong",
              {.op = std::string(op),
               .expected = fmt::format("{} input{}", expected, expected == 1 ? "" : "s"),
               .actual = std::to_string(actual)});
}

void throw_no_kernel(std::string_view op, DType dtype) {
  throw Error(ErrorCode::dtype_mismatch, fmt::format("{} has no kernel for {}", op, name_of(dtype)),
              {.op = std::string(op)});
}

void throw_no_gradient(std::string_view op, std::string_view reason) {
  throw Error(ErrorCode::not_differentiable, fmt::format("{} has no gradient: {}", op, reason),
              {.op = std::string(op)});
}

}  // namespace detail
}  // namespace weft
