#pragma once
// A Value is a small handle on one output of one node of a graph: copy it freely. It stays valid as long as
// its graph lives. Functions take an Operand: a Value or a plain number, together with the line where the
// user wrote it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "weft/graph/scalar.h"
#include "weft/graph/shape.h"
#include "weft/graph/where.h"

namespace weft {

class Graph;

using NodeId = std::uint32_t;

class Value {
 public:
  /// No value: what a gradient rule returns for an input that does not matter.
  Value() = default;
  Value(Graph* graph, NodeId node, std::uint32_t output) : graph_(graph), node_(node), output_(output) {}

  /// Whether this stands for an output of a node. There is no conversion to bool: `if (a > b)` would ask
  /// whether the comparison exists, not what it says.
  bool has_value() const noexcept { return graph_ != nullptr; }
  Graph& graph() const;  // throws for no value
  NodeId node() const noexcept { return node_; }
  std::uint32_t output() const noexcept { return output_; }

  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  const std::string& name() const;
  /// Names the node, for errors and for printing; returns the value itself.
  Value named(std::string_view name) const;

  /// Whether both are the same handle. Whether their numbers are equal is `equal(a, b)`.
  friend bool operator==(const Value&, const Value&) = default;

 private:
  Graph* graph_ = nullptr;
  NodeId node_ = 0;
  std::uint32_t output_ = 0;
};

class Operand {
 public:
  Operand(Value value, Where where = Where::current()) : value_(value), where_(std::move(where)) {}
  /// A number, which takes the dtype of the other operand.
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  Operand(T number, Where where = Where::current()) : Operand(Scalar(number), std::move(where)) {}
  Operand(const Scalar& number, Where where = Where::current())
      : is_number_(true), number_(number), where_(std::move(where)) {}

  bool is_number() const noexcept { return is_number_; }
  /// The number, if this is one.
  const Scalar& number() const noexcept { return number_; }
  const Where& where() const noexcept { return where_; }
  /// The value; throws Error(invalid_argument), which names `op`, for a plain number and for an empty value.
  Value value(std::string_view op = {}) const;

 private:
  Value value_;
  bool is_number_ = false;
  Scalar number_ = 0.0;
  Where where_;
};

/// Returns the value. If it is empty, throws Error(invalid_argument), which names the `op` that needs it, its
/// `role` there ("the loss"), and where the user wrote that.
const Value& expect_value(const Value& value, std::string_view op, std::string_view role, const Where& where);
void expect_values(std::span<const Value> values, std::string_view op, std::string_view role,
                   const Where& where);

}  // namespace weft
