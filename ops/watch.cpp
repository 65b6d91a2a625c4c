#include "weft/ops/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "weft/graph/text.h"

namespace weft {
namespace {

constexpr std::size_t kShown = 8;

/// " 1 2 3 ..., least 1, largest 9"
std::string summary(const ConstArg& x) {
  std::string text;
  visit_dtype(x.dtype, [&]<typename T>(T) {
    const auto values = x.as<const T>();
    const auto number = [](T value) { return fmt::format("{:.6g}", static_cast<double>(value)); };
    for (const T value : values.first(std::min(kShown, values.size()))) text += " " + number(value);
    if (values.size() <= kShown) return;
    const auto below = [](T a, T b) { return static_cast<double>(a) < static_cast<double>(b); };
    const auto [least, largest] = std::minmax_element(values.begin(), values.end(), below);
    text += fmt::format(" ..., least {}, largest {}", number(*least), number(*largest));
  });
  return text;
}

}  // namespace

TensorType Ensure::infer(const TensorType& x, const TensorType& condition) const {
  if (condition.dtype == DType::boolean) return x;
  throw Error(ErrorCode::dtype_mismatch, "a condition holds or does not",
              {.expected = "bool", .actual = std::string(name_of(condition.dtype))});
}
void Ensure::forward(const KernelArgs& args) const {
  const auto holds = args.inputs[1].as<const bool>();
  const auto first = std::ranges::find(holds, false);
  if (first != holds.end()) {
    throw Error(ErrorCode::numeric, message,
                {.expected = "a condition that holds",
                 .actual = fmt::format("false at element {} of {}", first - holds.begin(), holds.size())});
  }
  const ConstArg& x = args.inputs[0];
  if (x.elements > 0)
    std::memcpy(args.outputs[0].data, x.data, static_cast<std::size_t>(x.elements) * size_of(x.dtype));
}

std::vector<Value> Ensure::batch(const BatchArgs& args) const {
  return {ensure(args.inputs[0], args.inputs[1], message)};
}

void Show::forward(const KernelArgs& args) const {
  const ConstArg& x = args.inputs[0];
  const TensorType type{x.dtype, Shape::of({x.sizes.begin(), x.sizes.end()})};
  fmt::print(stderr, "{}: {}{}\n", label, to_string(type), summary(x));
  if (x.elements > 0)
    std::memcpy(args.outputs[0].data, x.data, static_cast<std::size_t>(x.elements) * size_of(x.dtype));
}

std::vector<Value> Show::batch(const BatchArgs& args) const { return {show(args.inputs[0], label)}; }

Value ensure(const Operand& x, const Operand& condition, std::string message) {
  return apply(Ensure{std::move(message)}, x, condition);
}

Value show(const Operand& x, std::string label) { return apply(Show{std::move(label)}, x); }

template detail::Model detail::model_of(Ensure);
template detail::Model detail::model_of(Show);

}  // namespace weft
