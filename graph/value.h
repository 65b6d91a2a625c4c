#pragma once
// A Value is a small handle on one output of one node of a graph: copy it freely. It stays valid as long as
// its graph lives. An Operand is how functions take values: anything that can stand for one (a Value or a
// plain number), together with the line where the user wrote it.

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>

#include "weft/graph/shape.h"

namespace weft {

class Graph;

using NodeId = std::uint32_t;

class Value {
 public:
  /// No value: what a gradient rule returns for an input that does not matter.
  Value() = default;
  Value(Graph* graph, NodeId node, std::uint32_t output) : graph_(graph), node_(node), output_(output) {}

  explicit operator bool() const noexcept { return graph_ != nullptr; }
  Graph& graph() const;  // throws for no value
  NodeId node() const noexcept { return node_; }
  std::uint32_t output() const noexcept { return output_; }

  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  const std::string& name() const;
  /// Names the node, for errors and for printing; returns the value itself.
  Value named(std::string_view name) const;

  /// The same handle, not the same numbers: that is `equal(a, b)`.
  friend bool operator==(const Value&, const Value&) = default;

 private:
  Graph* graph_ = nullptr;
  NodeId node_ = 0;
  std::uint32_t output_ = 0;
};

class Operand {
 public:
  Operand(Value value, std::source_location where = std::source_location::current())
      : value_(value), where_(where) {}
  /// A number; it takes the dtype of the tensor beside it.
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  Operand(T number, std::source_location where = std::source_location::current())
      : number_(static_cast<double>(number)), where_(where) {}

  bool is_number() const noexcept { return !value_; }
  double number() const noexcept { return number_; }
  const std::source_location& where() const noexcept { return where_; }
  /// The value; throws Error(invalid_argument) for a plain number.
  Value value() const;

 private:
  Value value_;
  double number_ = 0.0;
  std::source_location where_;
};

}  // namespace weft
