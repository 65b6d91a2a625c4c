#include "weft/frontends/verify/value_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "weft/ops/source.h"

namespace weft::verify {

ValuePool::ValuePool(SampleSource& source, DType dtype, const ProgramStyle& style)
    : source_(source),
      dtype_(dtype),
      style_(style),
      numbers_(static_cast<std::uint64_t>(source.below(1 << 30)), style.special) {}

const Tensor& ValuePool::exact(const Value& value) const {
  return numbers_.exact({value.node(), value.output()});
}

void ValuePool::settle(const Value& value) {
  numbers_.settle(graph_, value.node(), [&](const Node& node) { return first_feed(node, feeds_); });
}

bool ValuePool::keep(const Value& value) {
  constexpr std::int64_t kMostElements = 400;
  constexpr std::int64_t kMostBesideLong = 1000;
  settle(value);
  const std::int64_t elements = value.shape().elements();
  const bool is_long = style_.long_axes && !value.shape().is_scalar();
  if (elements > (is_long ? kMostBesideLong : kMostElements) ||
      !numbers_.is_settled(graph_, {value.node(), value.output()}))
    return false;
  values_.push_back(value);
  return true;
}

Value ValuePool::any() {
  const auto size = static_cast<std::int64_t>(values_.size());
  const std::int64_t back = source_.below(source_.coin() ? std::min<std::int64_t>(size, 5) : size);
  return values_[static_cast<std::size_t>(size - 1 - back)];
}

Value ValuePool::number() {
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (const Value x = any(); x.dtype() == dtype_) return x;
  }
  return source_of(tensor());
}

std::optional<Value> ValuePool::like(const Tensor& tensor) {
  std::vector<Value> alike;
  std::ranges::copy_if(values_, std::back_inserter(alike),
                       [&](const Value& x) { return x.type() == tensor.type(); });
  if (!alike.empty() && source_.coin())
    return alike[static_cast<std::size_t>(source_.below(std::ssize(alike)))];
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (const Value x = any(); x.dtype() == tensor.dtype()) return x;
  }
  return std::nullopt;
}

Value ValuePool::partner(const Value& x) {
  for (int attempt = 0; attempt < 6; ++attempt) {
    const Value y = number();
    try {
      broadcast(x.shape(), y.shape());
      return y;
    } catch (const Error&) {
      continue;
    }
  }
  if (source_.below(4) == 0) return x;
  return source_of(tensor(source_.broadcastable_to(x.shape().sizes())));
}

Sizes ValuePool::sizes(std::int64_t most_rank, std::int64_t least_rank) {
  Sizes drawn = source_.sizes(least_rank + source_.below(most_rank - least_rank + 1), 5);
  for (std::int64_t& size : drawn) {
    if (source_.below(6) == 0) size = 1;
    if (source_.below(40) == 0) size = 0;
  }
  return drawn;
}

Tensor ValuePool::tensor(const Sizes& sizes) { return spiced(source_.uniform(sizes, -1.0, 1.0, dtype_)); }

Tensor ValuePool::mostly_zeros(const Sizes& sizes, DType dtype) {
  Tensor x = Tensor::zeros(dtype, sizes);
  visit_dtype(dtype, [&]<typename T>(T) {
    for (T& number : x.mutable_values<T>()) {
      if (source_.below(4) == 0) number = static_cast<T>(1 + source_.below(5));
    }
  });
  return x;
}

Tensor ValuePool::spiced(Tensor x) {
  if (!style_.special || !is_float(x.dtype()) || source_.coin()) return x;
  x = x.clone();
  visit_dtype(x.dtype(), [&]<typename T>(T) {
    if constexpr (std::floating_point<T>) {
      using Limits = std::numeric_limits<T>;
      const std::array special{T(0),
                               T(-0.0),
                               T(-0.0),
                               Limits::infinity(),
                               -Limits::infinity(),
                               Limits::quiet_NaN(),
                               Limits::denorm_min(),
                               -Limits::min(),
                               T(1)};
      for (T& number : x.mutable_values<T>()) {
        if (source_.below(4) == 0) number = special[static_cast<std::size_t>(source_.below(special.size()))];
      }
    }
  });
  return x;
}

Value ValuePool::source_of(const Tensor& tensor) {
  const std::string label = fmt::format("x{}", feeds_.size());
  const Shape shape = Shape::of(tensor.sizes());
  Value made;
  switch (source_.below(is_float(tensor.dtype()) ? 3 : 2)) {
    case 0:
      made = constant(graph_, tensor);
      break;
    case 1:
      feeds_.emplace(label, tensor);
      made = input(graph_, label, tensor.dtype(), shape);
      break;
    default:
      feeds_.emplace(label, tensor);
      made = parameter(graph_, label, tensor);
      parameters_.push_back(made);
  }
  settle(made);
  return made;
}

}  // namespace weft::verify
