#include "weft/frontends/optim/flat.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/layout.h"

namespace weft::optim {
namespace {

std::int64_t elements_in(std::span<const Value> values) {
  std::int64_t count = 0;
  for (const Value& value : values) count += value.shape().elements();
  return count;
}

void expect_vector_of(const TensorType& type, std::int64_t count) {
  if (type.shape == Shape{count}) return;
  throw Error(ErrorCode::shape_mismatch, "the vector has a number for each element",
              {.expected = fmt::format("[{}]", count), .actual = to_string(type)});
}

}  // namespace

Value flat(std::span<const Value> values, const Where& where) {
  return located("flat", where, [&] {
    expect_values(values, "flat", "value", where);
    if (values.empty())
      throw Error(ErrorCode::invalid_argument, "there is nothing to put into a vector",
                  {.expected = "1 or more"});
    const Scope origin(values[0].graph(), "flat", where);
    std::vector<Value> vectors;
    for (const Value& value : values) vectors.push_back(reshape(value, {value.shape().elements()}));
    return concat(vectors, 0, where);
  });
}

std::vector<Value> unflat(const Operand& vector, std::span<const Value> like) {
  return located("unflat", vector.where(), [&] {
    const Value all = vector.value("unflat");
    expect_vector_of(all.type(), elements_in(like));
    const Scope origin(all.graph(), "unflat", vector.where());
    std::vector<Value> parts;
    std::int64_t at = 0;
    for (const Value& each : like) {
      const std::int64_t count = each.shape().elements();
      parts.push_back(reshape(slice(all, 0, at, at + count), each.shape()));
      at += count;
    }
    return parts;
  });
}

Tensor flat_values(Session& session, std::span<const Value> parameters) {
  Tensor vector = Tensor::uninitialized(f64, {elements_in(parameters)});
  auto to = vector.mutable_values<double>().begin();
  for (const Value& parameter : parameters) {
    const Tensor value = session.value(parameter);
    visit_dtype(value.dtype(), [&]<typename T>(T) {
      for (const T x : value.values<T>()) *to++ = static_cast<double>(x);
    });
  }
  return vector;
}

void set_flat_values(Session& session, std::span<const Value> parameters, const Tensor& vector) {
  expect_vector_of(vector.type(), elements_in(parameters));
  if (vector.dtype() != f64) {
    throw Error(ErrorCode::dtype_mismatch, "the vector is of f64",
                {.op = "set_flat_values", .expected = "f64", .actual = to_string(vector.type())});
  }
  auto from = vector.values<double>().begin();
  for (const Value& parameter : parameters) {
    Tensor value = Tensor::uninitialized(parameter.dtype(), parameter.shape().sizes());
    visit_dtype(value.dtype(), [&]<typename T>(T) {
      for (T& x : value.mutable_values<T>()) x = static_cast<T>(*from++);
    });
    session.set(parameter, value);
  }
}

}  // namespace weft::optim
