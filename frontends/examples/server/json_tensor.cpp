#include "weft/frontends/examples/server/json_tensor.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "weft/graph/error.h"

namespace weft::examples {
namespace {

[[noreturn]] void refuse_rows(const std::string& problem, const TensorType& type) {
  throw Error(ErrorCode::bad_feed, "the rows of a request: " + problem, {.expected = to_string(type)});
}

template <typename T>
T number_of_json(const nlohmann::json& json, const TensorType& type) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (!json.is_number()) refuse_rows("not only numbers", type);
    return json.get<T>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) refuse_rows("not only true and false", type);
    return json.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    const bool fits = json.is_number_unsigned()
                          ? std::in_range<T>(json.get<std::uint64_t>())
                          : json.is_number_integer() && std::in_range<T>(json.get<std::int64_t>());
    if (!fits) refuse_rows("a number that does not fit", type);
    return json.get<T>();
  } else {
    refuse_rows("a dtype that JSON has no numbers for", type);
  }
}

/// Appends the numbers of a list that is nested at most `depth` times.
template <typename T>
void append_numbers(const nlohmann::json& json, const TensorType& type, std::size_t depth,
                    std::vector<T>& numbers) {
  if (!json.is_array()) {
    numbers.push_back(number_of_json<T>(json, type));
    return;
  }
  if (depth == 0) refuse_rows("lists within lists", type);
  for (const nlohmann::json& element : json) append_numbers(element, type, depth - 1, numbers);
}

template <typename T>
nlohmann::ordered_json nested(const T*& at, std::span<const std::int64_t> sizes) {
  if (sizes.empty()) {
    const T number = *at++;
    if constexpr (HalfFloat<T>) {
      return static_cast<float>(number);
    } else {
      return number;
    }
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::int64_t i = 0; i < sizes[0]; ++i) list.push_back(nested(at, sizes.subspan(1)));
  return list;
}

}  // namespace

Tensor rows_of_json(const nlohmann::json& rows, const TensorType& type) {
  if (!rows.is_array() || rows.empty() || type.shape.rank() == 0) refuse_rows("no list", type);
  std::vector<std::int64_t> sizes{static_cast<std::int64_t>(rows.size())};
  std::int64_t elements = 1;
  for (std::size_t axis = 1; axis < type.shape.rank(); ++axis) {
    sizes.push_back(type.shape[axis].size());
    elements *= sizes.back();
  }
  Tensor made;
  visit_dtype(type.dtype, [&]<typename T>(T) {
    std::vector<T> numbers;
    for (const nlohmann::json& row : rows) {
      const std::size_t before = numbers.size();
      append_numbers(row, type, type.shape.rank() - 1, numbers);
      if (numbers.size() - before != static_cast<std::size_t>(elements))
        refuse_rows(fmt::format("one of {} numbers", numbers.size() - before), type);
    }
    made = Tensor::of(numbers, sizes);
  });
  return made;
}

nlohmann::ordered_json json_of_tensor(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    const T* at = tensor.values<T>().data();
    return nested(at, tensor.sizes());
  });
}

}  // namespace weft::examples
