#include "weft/runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "weft/ops/control.h"
#include "weft/ops/source.h"
#include "weft/runtime/function_body.h"

namespace weft {
namespace {

/// Initial values are drawn as run 0, whenever a session first needs them; functions count from 1.
constexpr std::int64_t kInitialRun = 0;
constexpr std::int64_t kFirstRun = 1;

template <typename O>
const O& expect_op(const Graph& graph, const Value& value, std::string_view role) {
  if (&value.graph() != &graph) {
    throw Error(ErrorCode::invalid_argument, fmt::format("{} belongs to another graph", role),
                {.node = value.name()});
  }
  const Node& node = graph.node(value.node());
  if (const O* op = node.op.as<O>()) return *op;
  throw Error(ErrorCode::invalid_argument, fmt::format("this value cannot be {}", role),
              {.op = std::string(node.op.name()),
               .node = node.name,
               .expected = std::string(O::name),
               .actual = std::string(node.op.name()),
               .where = to_string(node.where)});
}

std::vector<Value> roots_of(const Graph& graph, const FunctionSpec& spec) {
  std::vector<Value> roots = spec.outputs;
  for (const Value& output : spec.outputs) {
    if (&output.graph() != &graph)
      throw Error(ErrorCode::invalid_argument, "an output belongs to another graph");
  }
  for (const Value& update : spec.updates) {
    expect_op<Assign>(graph, update, "an update");
    roots.push_back(update);
  }
  return roots;
}

std::vector<std::string> labels_of(const Graph& graph, const FunctionSpec& spec) {
  std::vector<std::string> labels;
  for (const Value& fed : spec.inputs) {
    labels.push_back(expect_op<Input>(graph, fed, "an input").label);
    if (std::ranges::count(labels, labels.back()) > 1) {
      throw Error(ErrorCode::invalid_argument, fmt::format("the input '{}' comes twice", labels.back()));
    }
  }
  return labels;
}

const std::string& label_of(const Graph& graph, const Value& parameter) {
  return expect_op<Parameter>(graph, parameter, "a parameter").label;
}

void store(Tensor& parameter, const Tensor& value) {
  if (parameter.bytes() > 0) std::memcpy(parameter.mutable_data(), value.data(), parameter.bytes());
}

CompileOptions with_threads(CompileOptions options, int threads) {
  options.threads = threads;
  options.thread_costs.reset();
  return options;
}

}  // namespace

SessionState::SessionState(const CompileOptions& compile_options, std::uint64_t random_seed)
    : options(compile_options), pool(compile_options.threads), key(Tensor::zeros(DType::i64, {2})) {
  if (!options.stores) options.stores = std::make_shared<RowStores>(&pool);
  set_key(static_cast<std::int64_t>(random_seed), kFirstRun);
}

void SessionState::set_key(std::int64_t seed, std::int64_t run) {
  const auto values = key.mutable_values<std::int64_t>();
  values[0] = seed;
  values[1] = run;
}

Tensor& SessionState::parameter(std::string_view label) {
  const auto found = parameters.find(label);
  if (found != parameters.end()) return found->second;
  throw Error(ErrorCode::invalid_argument, fmt::format("the session has no parameter '{}'", label));
}

Session::Session(Graph& graph, const SessionOptions& options)
    : graph_(graph),
      state_(std::make_shared<SessionState>(with_threads(options.compile, options.threads), options.seed)) {
  if (options.spare_threads && options.threads > 1)
    state_->options.thread_costs = thread_costs_of(state_->pool);
}

void Session::initialize_new_parameters() {
  std::vector<std::string> labels;
  std::vector<Value> initial;
  for (const auto& [label, declared] : graph_.states()) {
    if (state_->parameters.contains(label)) continue;
    labels.push_back(label);
    initial.push_back(declared.initial);
  }
  if (labels.empty()) return;
  const std::int64_t run = state_->run();
  state_->set_key(state_->seed(), kInitialRun);
  std::vector<Tensor> values;
  try {
    Plan plan(weft::compile(graph_, initial, initial.size(), {}, {}, state_->options), state_);
    const auto outputs = plan.run({});
    values.assign(outputs.begin(), outputs.end());
  } catch (...) {
    state_->set_key(state_->seed(), run);
    throw;
  }
  state_->set_key(state_->seed(), run);
  for (std::size_t i = 0; i < labels.size(); ++i) state_->parameters.emplace(labels[i], std::move(values[i]));
}

Function Session::compile(const FunctionSpec& spec) {
  const auto roots = roots_of(graph_, spec);
  initialize_new_parameters();
  auto body = std::make_shared<Function::Body>();
  body->labels = labels_of(graph_, spec);
  body->program = extract(graph_, roots);
  body->outputs = spec.outputs.size();
  body->state = state_;
  for (const Value& fed : spec.inputs) {
    body->types.push_back(fed.type());
    for (const Dim& dim : fed.shape()) {
      if (dim.is_symbol() && std::ranges::find(body->symbols, dim.symbol()) == body->symbols.end()) {
        body->symbols.push_back(dim.symbol());
      }
    }
  }
  body->bound.resize(body->symbols.size());
  return Function(std::move(body));
}

Compilation Session::inspect(const FunctionSpec& spec, const Bindings& bindings,
                             const StageObserver& observer) {
  return weft::compile(graph_, roots_of(graph_, spec), spec.outputs.size(), labels_of(graph_, spec), bindings,
                       state_->options, observer);
}

Tensor& Session::parameter(std::string_view label) {
  initialize_new_parameters();
  return state_->parameter(label);
}

Tensor Session::value(const Value& parameter_value) { return value(label_of(graph_, parameter_value)); }
Tensor Session::value(std::string_view label) { return parameter(label).clone(); }

void Session::set(const Value& parameter_value, const Tensor& value) {
  set(label_of(graph_, parameter_value), value);
}
void Session::set(std::string_view label, const Tensor& value) {
  Tensor& target = parameter(label);
  if (value.empty() || value.type() != target.type()) {
    throw Error(ErrorCode::bad_feed, fmt::format("the parameter '{}' was given the wrong tensor", label),
                {.expected = to_string(target.type()),
                 .actual = value.empty() ? "an empty tensor" : to_string(value.type())});
  }
  store(target, value);
}

int Session::threads() const { return state_->pool.threads(); }
std::uint64_t Session::seed() const { return static_cast<std::uint64_t>(state_->seed()); }

}  // namespace weft
