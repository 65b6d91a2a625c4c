#pragma once
// Where values come from: inputs that a run feeds, constants, and parameters, which are state that a session
// keeps. None of them has a kernel that runs: the runtime supplies their memory.

#include <source_location>
#include <string_view>

#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"

namespace weft {

struct Input {
  static constexpr std::string_view name = "input";
  std::string label;
  TensorType type;
  static constexpr auto attributes = weft::attributes(&Input::label, &Input::type);
  TensorType infer() const { return type; }
  void forward(const KernelArgs& args) const;  // throws: an input is fed, never computed
  static constexpr NoGradient gradient{"it is a source; differentiate with respect to it instead"};
};

struct Constant {
  static constexpr std::string_view name = "constant";
  Tensor tensor;
  static constexpr auto attributes = weft::attributes(&Constant::tensor);
  TensorType infer() const { return tensor.type(); }
  void forward(const KernelArgs& args) const;
  const Tensor& constant_value() const { return tensor; }
  static constexpr NoGradient gradient{"it is a source; differentiate with respect to it instead"};
};

struct Parameter {
  static constexpr std::string_view name = "parameter";
  std::string label;
  TensorType type;
  static constexpr auto attributes = weft::attributes(&Parameter::label, &Parameter::type);
  TensorType infer() const { return type; }
  void forward(const KernelArgs& args) const;  // throws: a parameter is read from the session
  static constexpr NoGradient gradient{"it is a source; differentiate with respect to it instead"};
};

/// A value that every run is fed. Symbols in the shape ("batch") take their sizes from what is fed.
Value input(Graph& graph, std::string_view name, DType dtype, const Shape& shape,
            std::source_location where = std::source_location::current());

/// A fixed tensor. The graph shares its memory, so a resident data set costs nothing extra.
Value constant(Graph& graph, Tensor tensor, std::source_location where = std::source_location::current());
/// A scalar.
Value constant(Graph& graph, double number, DType dtype = f32,
               std::source_location where = std::source_location::current());

/// State that a session keeps: it starts as `initial`, and only `assign` changes it. Initial values are graph
/// too: a constant, or something random. Dimensions must be numbers; the name must be new to the graph.
Value parameter(Graph& graph, std::string_view name, Value initial,
                std::source_location where = std::source_location::current());
Value parameter(Graph& graph, std::string_view name, Tensor initial,
                std::source_location where = std::source_location::current());

/// The operand as a value; a plain number becomes a constant scalar of `dtype`. A number that an integer
/// dtype cannot hold is an Error(dtype_mismatch).
Value as_value(const Operand& operand, Graph& graph, DType dtype);

}  // namespace weft
