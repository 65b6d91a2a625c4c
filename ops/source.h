#pragma once
// Where values come from: inputs that a run feeds, constants, and parameters, which are state that a session
// keeps. None of them has a kernel that runs: the runtime supplies their memory.

#include <string_view>

#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"

namespace weft {

struct Input {
  static constexpr std::string_view name = "input";
  std::string label;
  TensorType type;
  static constexpr auto attributes = weft::attributes(&Input::label, &Input::type);
  const std::string& unique_label() const { return label; }
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
  const std::string& unique_label() const { return label; }
  TensorType infer() const { return type; }
  void forward(const KernelArgs& args) const;  // throws: a parameter is read from the session
  static constexpr NoGradient gradient{"it is a source; differentiate with respect to it instead"};
};

/// A value that every run is fed. Symbols in the shape ("batch") take their sizes from the fed tensor; a
/// formula of symbols cannot be fed. The name, with the open scopes, must be new among the graph's inputs.
Value input(Graph& graph, std::string_view name, DType dtype, const Shape& shape,
            Where where = Where::current());

/// A fixed tensor. The graph shares its memory, so a resident data set costs nothing extra.
Value constant(Graph& graph, Tensor tensor, Where where = Where::current());
/// A scalar; throws Error(dtype_mismatch) where an integer dtype cannot hold the number exactly.
Value constant(Graph& graph, const Scalar& number, DType dtype = f32, Where where = Where::current());

/// State that a session keeps: it starts as `initial`, and only `assign` changes it. Initial values are
/// values of the graph too, made of constants, random numbers and other parameters: of these, a session takes
/// the values that they have when it first needs the new one. Dimensions must be numbers, and the name must
/// be new in the graph. Throws Error(invalid_argument), also for an initial value that depends on an input.
Value parameter(Graph& graph, std::string_view name, Value initial, Where where = Where::current());
Value parameter(Graph& graph, std::string_view name, Tensor initial, Where where = Where::current());

/// The operand as a value; a plain number becomes a constant scalar of `dtype`. A number that an integer
/// dtype cannot hold is an Error(dtype_mismatch), an empty value an Error(invalid_argument); both name `op`.
Value as_value(const Operand& operand, Graph& graph, DType dtype, std::string_view op = {});

// Compiled once, in source.cpp.
extern template detail::Model detail::model_of(Input);
extern template detail::Model detail::model_of(Constant);
extern template detail::Model detail::model_of(Parameter);

}  // namespace weft
