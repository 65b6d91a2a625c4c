#include "weft/frontends/nn/layer.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/ops/source.h"

namespace weft::nn {
namespace {

const std::string* label_of(const Value& value) {
  const auto* op = value.graph().node(value.node()).op.as<Parameter>();
  return op == nullptr ? nullptr : &op->label;
}

/// "a/b" for the label "a/b/weight"; "" for a label without a scope.
std::string_view scope_of(std::string_view label) {
  const std::size_t slash = label.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : label.substr(0, slash);
}

/// The scope in which both scopes lie.
std::string_view common_scope(std::string_view a, std::string_view b) {
  while (a != b) {
    std::string_view& longer = a.size() >= b.size() ? a : b;
    longer = scope_of(longer);
  }
  return a;
}

}  // namespace

void detail::add_once(const Value& parameter, std::vector<Value>& all) {
  if (!parameter.has_value()) return;  // a layer without a bias
  if (label_of(parameter) == nullptr) {
    throw Error(ErrorCode::invalid_argument, "a layer lists a value that is not a parameter",
                {.node = parameter.name(), .expected = "parameters"});
  }
  if (std::ranges::find(all, parameter) == all.end()) all.push_back(parameter);
}

Layer::Layer(Value (*function)(const Operand&))
    : layer_(std::make_shared<const Held<Value (*)(const Operand&)>>(function)) {}

std::string Layer::name() const {
  if (!name_.empty()) return name_;
  if (std::string own = layer_->name(); !own.empty()) return own;
  std::vector<Value> states = parameters();
  for (const Value& buffer : buffers()) states.push_back(buffer);
  if (states.empty()) return {};
  std::string_view scope = scope_of(*label_of(states[0]));
  for (const Value& state : states) scope = common_scope(scope, scope_of(*label_of(state)));
  return std::string(scope);
}

void Layer::throw_takes_no_sparse(std::string_view kind, Where where) {
  throw Error(ErrorCode::invalid_argument, "the layer takes no sparse matrix",
              {.op = std::string(kind.empty() ? "function" : kind), .where = to_string(where)});
}

std::string layer_name(const Value& parameter) {
  const std::string* label = label_of(parameter);
  return std::string(label == nullptr ? std::string_view{} : scope_of(*label));
}

void expect_input(std::string_view layer, const Value& parameter, const TensorType& x, bool fits,
                  std::string_view expected_shape, Where where) {
  if (fits && x.dtype == parameter.dtype()) return;
  throw Error(fits ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
              fits ? "the layer takes another dtype" : "the layer takes another shape",
              {.op = std::string(layer),
               .node = layer_name(parameter),
               .expected = fmt::format("{}{}", name_of(parameter.dtype()), expected_shape),
               .actual = to_string(x),
               .where = to_string(where)});
}

}  // namespace weft::nn
