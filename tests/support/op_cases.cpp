#include "weft/tests/support/op_cases.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "weft/ops/builtin.h"

namespace weft::testing_support {
namespace {

using In = std::span<const Value>;
using Inputs = std::function<std::vector<Tensor>(TensorSource&)>;

// Inputs.

Inputs random_shape(double low = -2.0, double high = 2.0) {
  return [=](TensorSource& source) {
    return std::vector{source.uniform(source.sizes(source.below(4)), low, high)};
  };
}

Inputs away_from_zero() {
  return
      [](TensorSource& source) { return std::vector{source.away_from_zero(source.sizes(source.below(4)))}; };
}

Inputs fixed(const Sizes& sizes) {
  return [=](TensorSource& source) { return std::vector{source.uniform(sizes)}; };
}

/// Two tensors of which the one broadcasts to the other, in random order.
Inputs broadcasting(double low = -2.0, double high = 2.0) {
  return [=](TensorSource& source) {
    const Sizes wide = source.sizes(1 + source.below(3));
    const Sizes narrow = source.broadcastable_to(wide);
    const bool narrow_first = source.coin();
    return std::vector{source.uniform(narrow_first ? narrow : wide, low, high),
                       source.uniform(narrow_first ? wide : narrow, low, high)};
  };
}

Inputs pair(const Sizes& a, const Sizes& b, double low = -2.0, double high = 2.0) {
  return [=](TensorSource& source) {
    return std::vector{source.uniform(a, low, high), source.uniform(b, low, high)};
  };
}

/// Two tensors no element of which is closer than 0.1 to one of the other.
Inputs apart() {
  return [](TensorSource& source) {
    const Sizes wide = source.sizes(1 + source.below(3));
    return std::vector{source.near_integers(wide), source.between_integers(source.broadcastable_to(wide))};
  };
}

Inputs all_distinct(const Sizes& sizes) {
  return [=](TensorSource& source) { return std::vector{source.distinct(sizes)}; };
}

Inputs with_indices(const Sizes& x, const Sizes& indices, std::int64_t bound, DType dtype = i64) {
  return [=](TensorSource& source) {
    return std::vector{source.uniform(x), source.whole(indices, bound, dtype)};
  };
}

// The table, in the order of the list of built-in ops.

using Table = std::vector<OpCase>;

void add_control(Table& table) {
  table.push_back({"stop_gradient", "OfAnIndex",
                   [](In in) { return in[0] * stop_gradient(cast(in[1], f64)); }, with_indices({3}, {3}, 5)});
  table.push_back(
      {"scale_gradient", "ByOne", [](In in) { return square(scale_gradient(in[0], 1.0)); }, random_shape()});
  table.push_back({"custom_gradient", "OfACube",
                   [](In in) {
                     const Value cube = pow(stop_gradient(in[0]), 3.0);
                     return custom_gradient(cube, in.first(1), [](const GradientArgs& args) {
                       return std::vector{args.output_gradients[0] * 3.0 * square(args.inputs[0])};
                     });
                   },
                   away_from_zero()});
  table.push_back({"optimization_barrier", "",
                   [](In in) { return square(optimization_barrier(in[0], exp(in[1]))) * in[1]; },
                   pair({3}, {3})});
}

void add_arithmetic(Table& table) {
  const auto binary = [&](std::string_view op, const std::function<Value(Value, Value)>& f,
                          const Inputs& inputs) {
    table.push_back({op, "Broadcast", [f](In in) { return f(in[0], in[1]); }, inputs});
    table.push_back({op, "Itself", [f](In in) { return f(in[0], in[0]); }, away_from_zero()});
  };
  binary("add", [](Value a, Value b) { return a + b; }, broadcasting());
  binary("sub", [](Value a, Value b) { return a - b; }, broadcasting());
  binary("mul", [](Value a, Value b) { return a * b; }, broadcasting());
  table.push_back({"mul", "LeadingAxes", [](In in) { return in[0] * in[1]; }, pair({3}, {2, 4, 3})});
  table.push_back({"mul", "ScalarAndMatrix", [](In in) { return in[0] * in[1]; }, pair({}, {2, 3})});
  table.push_back({"mul", "BothBroadcast", [](In in) { return in[0] * in[1]; }, pair({2, 1}, {1, 3})});
  table.push_back({"mul", "SizeOne", [](In in) { return in[0] * in[1]; }, pair({1}, {4})});
  table.push_back({"mul", "RankFour", [](In in) { return in[0] * in[1]; }, pair({2, 1, 2, 1}, {3, 1, 2})});
  table.push_back({"mul", "NoElements", [](In in) { return in[0] * in[1]; }, pair({0, 1}, {1, 3})});
  binary("div", [](Value a, Value b) { return a / b; }, broadcasting(0.5, 2.0));
  table.push_back({"pow", "Broadcast", [](In in) { return pow(in[0], in[1]); }, broadcasting(0.3, 2.0)});
  table.push_back({"pow", "Itself", [](In in) { return pow(in[0], in[0]); }, random_shape(0.3, 2.0)});
  table.push_back({"pow", "CubeOfNegatives", [](In in) { return pow(in[0], 3.0); }, away_from_zero()});
  table.push_back({"pow", "InverseSquare", [](In in) { return pow(in[0], -2.0); }, random_shape(0.5, 2.0)});
  table.push_back({"minimum", "EitherSide", [](In in) { return minimum(in[0], in[1]); }, apart()});
  table.push_back({"minimum", "OfSquares", [](In in) { return square(minimum(in[0], in[1])); }, apart()});
  table.push_back({"maximum", "EitherSide", [](In in) { return maximum(in[0], in[1]); }, apart()});
  table.push_back({"maximum", "OfSquares", [](In in) { return square(maximum(in[0], in[1])); }, apart()});
}

void add_unary(Table& table) {
  const auto unary = [&](std::string_view op, Value (*f)(const Operand&), const Inputs& inputs) {
    table.push_back({op, "", [f](In in) { return f(in[0]); }, inputs});
  };
  unary("neg", neg, random_shape());
  unary("square", square, random_shape());
  unary("sqrt", sqrt, random_shape(0.3, 2.0));
  unary("exp", exp, random_shape());
  unary("log", log, random_shape(0.3, 2.0));
  unary("abs", abs, away_from_zero());
  unary("erf", erf, random_shape());
  unary("tanh", tanh, random_shape());
  unary("relu", relu, away_from_zero());
  unary("sigmoid", sigmoid, random_shape(-4.0, 4.0));
  unary("softplus", softplus, random_shape(-4.0, 4.0));
  table.push_back({"abs", "OfSquare", [](In in) { return square(abs(in[0])); }, away_from_zero()});
  table.push_back({"relu", "OfSquare", [](In in) { return square(relu(in[0])); }, away_from_zero()});
  table.push_back({"erf", "Gelu", [](In in) { return gelu(in[0]); }, random_shape()});
  table.push_back(
      {"clip", "", [](In in) { return clip(in[0], -1.0, 2.0); },
       [](TensorSource& source) { return std::vector{source.between_integers(source.sizes(2))}; }});
  table.push_back({"clip", "OfSquare", [](In in) { return square(clip(in[0], -1.0, 2.0)); },
                   [](TensorSource& source) { return std::vector{source.between_integers({5})}; }});
  for (const double alpha : {0.01, 0.5, 0.0, -0.5}) {
    const std::string name = fmt::format("Alpha{}{}", alpha < 0 ? "Minus" : "", std::abs(alpha) * 100);
    table.push_back({"leaky_relu", name, [=](In in) { return leaky_relu(in[0], alpha); }, away_from_zero()});
    table.push_back({"elu", name, [=](In in) { return elu(in[0], alpha); }, away_from_zero()});
  }
  table.push_back({"cast", "ToItsOwnDType", [](In in) { return cast(in[0], f64); }, random_shape()});
  table.push_back(
      {"cast", "OfAnIndex", [](In in) { return in[0] * cast(in[1], f64); }, with_indices({3}, {3}, 5)});
}

void add_where_and_comparisons(Table& table) {
  const Inputs condition_and_two = [](TensorSource& source) {
    const Sizes wide = source.sizes(1 + source.below(3));
    return std::vector{source.whole(source.broadcastable_to(wide), 2, boolean), source.uniform(wide),
                       source.uniform(source.broadcastable_to(wide))};
  };
  table.push_back({"where", "Broadcast", [](In in) { return where(in[0], square(in[1]), exp(in[2])); },
                   condition_and_two});
  table.push_back({"where", "WideCondition", [](In in) { return where(in[0], in[1], 2.0); },
                   [](TensorSource& source) {
                     return std::vector{source.whole({4, 2, 3}, 2, boolean), source.uniform({1, 3})};
                   }});
  const auto comparison = [&](std::string_view op, Value (*f)(const Operand&, const Operand&)) {
    table.push_back({op, "", [f](In in) { return where(f(in[0], in[1]), in[0], in[1]); }, apart()});
  };
  comparison("equal", equal);
  comparison("not_equal", not_equal);
  comparison("less", less);
  comparison("less_equal", less_equal);
  comparison("greater", greater);
  comparison("greater_equal", greater_equal);
}

void add_matmul(Table& table) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      table.push_back(
          {"matmul", fmt::format("{}{}", ta ? "Transposed" : "Plain", tb ? "Transposed" : "Plain"),
           [=](In in) { return matmul(in[0], in[1], ta, tb); },
           [=](TensorSource& source) {
             const auto [m, k, n] = std::array{1 + source.below(3), 1 + source.below(3), 1 + source.below(3)};
             return std::vector{source.uniform(ta ? Sizes{k, m} : Sizes{m, k}),
                                source.uniform(tb ? Sizes{n, k} : Sizes{k, n})};
           }});
      table.push_back(
          {"matmul", fmt::format("Batched{}{}", ta ? "Transposed" : "Plain", tb ? "Transposed" : "Plain"),
           [=](In in) { return matmul(in[0], in[1], ta, tb); },
           pair(ta ? Sizes{2, 1, 4, 3} : Sizes{2, 1, 3, 4}, tb ? Sizes{3, 2, 4} : Sizes{3, 4, 2})});
    }
  }
  table.push_back(
      {"matmul", "SharedMatrix", [](In in) { return matmul(in[0], in[1]); }, pair({2, 3, 2}, {2, 4})});
  table.push_back(
      {"matmul", "Itself", [](In in) { return matmul(in[0], in[0], false, true); }, fixed({3, 2})});
  table.push_back(
      {"matmul", "NoInnerElements", [](In in) { return matmul(in[0], in[1]); }, pair({2, 0}, {0, 3})});
}

void add_reductions(Table& table) {
  struct Row {
    std::string name;
    Axes axes;
    bool keep_dims;
  };
  for (const auto& [name, axes, keep] :
       {Row{"All", {}, false}, Row{"AllKept", {}, true}, Row{"First", {0}, false},
        Row{"LastKept", {-1}, true}, Row{"Outer", {0, 2}, false}}) {
    const auto reduce = [&](std::string_view op, const std::string& label,
                            Value (*f)(const Operand&, const Axes&, bool), const Inputs& inputs) {
      table.push_back(
          {op, label + name, [f, axes, keep](In in) { return square(f(in[0], axes, keep)); }, inputs});
    };
    reduce("sum", "", sum, fixed({2, 3, 2}));
    reduce("count", "Mean", mean, fixed({2, 3, 2}));
    reduce("max", "", max, all_distinct({2, 3, 2}));
  }
  table.push_back({"sum", "OfScalar", [](In in) { return exp(sum(in[0])); }, fixed({})});
  table.push_back({"sum", "NoElements", [](In in) { return sum(in[0], {0}); }, fixed({0, 2})});
  table.push_back({"argmax", "", [](In in) { return in[0] * cast(argmax(in[1], 1), f64); },
                   [](TensorSource& source) {
                     return std::vector{source.uniform({3, 3}), source.whole({3, 4}, 100, i32)};
                   }});
}

void add_layout(Table& table) {
  const auto of_square = [&](std::string_view op, const std::string& name,
                             const std::function<Value(Value)>& f, const Sizes& sizes) {
    table.push_back({op, name, [f](In in) { return square(f(in[0])); }, fixed(sizes)});
  };
  of_square("reshape", "", [](Value x) { return reshape(x, {3, -1}); }, {2, 3, 2});
  of_square("reshape", "ToScalar", [](Value x) { return reshape(x, Shape{}); }, {1, 1});
  of_square("transpose", "", [](Value x) { return transpose(x); }, {2, 3});
  of_square("transpose", "Rotated", [](Value x) { return transpose(x, {2, 0, 1}); }, {2, 3, 4});
  of_square("broadcast_to", "", [](Value x) { return broadcast_to(x, {4, 2, 3}); }, {2, 1});
  of_square("broadcast_to", "OfScalar", [](Value x) { return broadcast_to(x, {2, 3}); }, {});
  of_square("slice", "", [](Value x) { return slice(x, 1, 1, 4); }, {2, 5});
  of_square("slice", "WithAStep", [](Value x) { return slice(x, 0, 1, 6, 2); }, {6, 2});
  of_square("slice", "Empty", [](Value x) { return slice(x, 0, 2, 2); }, {3});
  of_square("unslice", "", [](Value x) { return apply(Unslice{{1, 1, 5, 2}, {2, 6}}, x); }, {2, 2});
  table.push_back(
      {"concat", "", [](In in) { return square(concat({in[0], in[1]}, -1)); }, pair({2, 3}, {2, 1})});
  table.push_back({"concat", "Itself", [](In in) { return square(concat({in[0], in[0], in[1]}, 0)); },
                   pair({1, 2}, {3, 2})});
  table.push_back({"concat", "OfOne", [](In in) { return square(concat({in[0]}, 0)); }, fixed({3})});
}

void add_indexed(Table& table) {
  table.push_back(
      {"gather", "", [](In in) { return square(gather(in[0], in[1])); }, with_indices({4, 3}, {2, 5}, 4)});
  table.push_back({"gather", "ScalarIndex", [](In in) { return square(gather(in[0], in[1])); },
                   with_indices({4, 3}, {}, 4, u8)});
  table.push_back({"scatter_add", "", [](In in) { return square(scatter_add(in[0], in[1], {3, 2})); },
                   with_indices({5, 2}, {5}, 3, i32)});
  table.push_back(
      {"one_hot", "", [](In in) { return in[0] * one_hot(in[1], 3, f64); }, with_indices({4, 3}, {4}, 3)});
}

void add_softmax_and_losses(Table& table) {
  const auto last_axis = [&](std::string_view op, Value (*f)(const Operand&, std::int64_t)) {
    table.push_back({op, "Matrix", [f](In in) { return f(in[0], -1); }, fixed({3, 4})});
    table.push_back({op, "Vector", [f](In in) { return f(in[0], 0); }, fixed({4})});
    table.push_back({op, "MiddleAxis", [f](In in) { return f(in[0], 1); }, fixed({2, 3, 2})});
  };
  last_axis("softmax", softmax);
  last_axis("log_softmax", log_softmax);
  const auto loss_case = [&](const std::string& name, const std::function<Value(std::vector<Value>)>& f,
                             const Inputs& inputs) {
    table.push_back({"softmax_cross_entropy", name,
                     [f](In in) { return f(apply_all(SoftmaxCrossEntropy{}, {in[0], in[1]})); }, inputs});
  };
  loss_case("Loss", [](const std::vector<Value>& out) { return out[0]; }, with_indices({3, 4}, {3}, 4));
  loss_case(
      "LossOfOneRow", [](const std::vector<Value>& out) { return out[0]; }, with_indices({4}, {}, 4, u8));
  loss_case(
      "Probabilities", [](const std::vector<Value>& out) { return out[1]; },
      with_indices({3, 4}, {3}, 4, i32));
  loss_case(
      "Both", [](const std::vector<Value>& out) { return out[1] * reshape(out[0], {-1, 1}); },
      with_indices({3, 4}, {3}, 4));
}

void add_random(Table& table) {
  table.push_back({"random_uniform", "",
                   [](In in) { return in[0] * random_uniform(in[0].graph(), f64, in[0].shape()); },
                   random_shape()});
  table.push_back({"random_normal", "",
                   [](In in) { return in[0] * random_normal(in[0].graph(), f64, in[0].shape()); },
                   random_shape()});
}

Table make_table() {
  Table table;
  add_control(table);
  add_arithmetic(table);
  add_unary(table);
  add_where_and_comparisons(table);
  add_matmul(table);
  add_reductions(table);
  add_layout(table);
  add_indexed(table);
  add_softmax_and_losses(table);
  add_random(table);
  return table;
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> table = make_table();
  return table;
}

const std::vector<std::string_view>& ops_without_gradient() {
  static const std::vector<std::string_view> names = {
      "input",     "constant", "parameter",  "assign",         "equal",
      "not_equal", "less",     "less_equal", "greater",        "greater_equal",
      "argmax",    "one_hot",  "random_key", "random_uniform", "random_normal"};
  return names;
}

std::string case_name(const OpCase& op_case) {
  return op_case.name.empty() ? std::string(op_case.op) : fmt::format("{}_{}", op_case.op, op_case.name);
}

}  // namespace weft::testing_support
