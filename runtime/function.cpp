#include "weft/runtime/function.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/runtime/function_body.h"

namespace weft {
namespace {

constexpr std::int64_t kUnbound = -1;

std::string type_text(const Tensor& tensor) {
  return tensor.empty() ? "an empty tensor" : to_string(tensor.type());
}
std::string type_text(const TensorType& type) { return to_string(type); }

DType dtype_of_input(const Tensor& tensor) { return tensor.dtype(); }
DType dtype_of_input(const TensorType& type) { return type.dtype; }
std::size_t rank_of(const Tensor& tensor) { return tensor.rank(); }
std::size_t rank_of(const TensorType& type) { return type.shape.rank(); }
std::int64_t size_at(const Tensor& tensor, std::size_t axis) { return tensor.sizes()[axis]; }
std::int64_t size_at(const TensorType& type, std::size_t axis) { return type.shape[axis].size(); }
bool is_missing(const Tensor& tensor) { return tensor.empty(); }
bool is_missing(const TensorType&) { return false; }

[[noreturn]] void throw_bad_feed(const std::string& label, const std::string& expected,
                                 const std::string& actual) {
  throw Error(ErrorCode::bad_feed, fmt::format("the input '{}' was fed the wrong tensor", label),
              {.expected = expected, .actual = actual});
}

}  // namespace

template <typename Inputs>
void Function::Body::bind(const Inputs& inputs) {
  if (inputs.size() != types.size()) {
    throw Error(ErrorCode::bad_feed, "the number of inputs is wrong",
                {.expected = fmt::format("{} ({})", types.size(), fmt::join(labels, ", ")),
                 .actual = std::to_string(inputs.size())});
  }
  std::ranges::fill(bound, kUnbound);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const TensorType& type = types[i];
    const auto& fed = inputs[i];
    if (is_missing(fed) || dtype_of_input(fed) != type.dtype || rank_of(fed) != type.shape.rank()) {
      throw_bad_feed(labels[i], to_string(type), type_text(fed));
    }
    for (std::size_t axis = 0; axis < type.shape.rank(); ++axis) {
      const Dim& dim = type.shape[axis];
      const std::int64_t size = size_at(fed, axis);
      if (!dim.is_symbol()) {
        if (!dim.is(size)) throw_bad_feed(labels[i], to_string(type), type_text(fed));
        continue;
      }
      std::int64_t& known =
          bound[static_cast<std::size_t>(std::ranges::find(symbols, dim.symbol()) - symbols.begin())];
      if (known == kUnbound) known = size;
      if (known != size) {
        throw_bad_feed(labels[i], fmt::format("{} with {} = {}", to_string(type), dim.symbol(), known),
                       type_text(fed));
      }
    }
  }
}

Plan& Function::Body::plan() {
  if (last < plans.size() && plans[last].sizes == bound) return *plans[last].plan;
  const auto found = std::ranges::find(plans, bound, &Entry::sizes);
  last = static_cast<std::size_t>(found - plans.begin());
  if (found == plans.end()) {
    Bindings bindings;
    for (std::size_t i = 0; i < symbols.size(); ++i) bindings[symbols[i]] = bound[i];
    auto compilation = compile(*program.graph, program.roots, outputs, labels, bindings, state->options);
    plans.push_back({bound, std::make_unique<Plan>(std::move(compilation), state)});
  }
  return *plans[last].plan;
}

std::span<const Tensor> Function::operator()(std::span<const Tensor> inputs) {
  body_->bind(inputs);
  Plan& plan = body_->plan();
  const auto outputs = plan.run(inputs);
  if (plan.is_random()) body_->state->set_key(body_->state->seed(), body_->state->run() + 1);
  return outputs;
}

std::size_t Function::plans() const { return body_->plans.size(); }

MemoryLedger Function::ledger(std::span<const TensorType> inputs) {
  body_->bind(inputs);
  return ledger_of(body_->plan().compilation());
}

Profile Function::profile(std::size_t latest) const {
  if (body_->last >= body_->plans.size())
    throw Error(ErrorCode::invalid_argument, "a profile needs at least one call of the function");
  return body_->plans[body_->last].plan->profile(latest);
}

std::size_t Function::barriers(std::span<const TensorType> inputs) {
  body_->bind(inputs);
  return body_->plan().compilation().schedule.barriers();
}

}  // namespace weft
