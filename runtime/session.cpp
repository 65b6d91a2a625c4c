#include "weft/runtime/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>

#include "weft/graph/located.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/function_body.h"
#include "weft/runtime/machine/processor.h"
#include "weft/runtime/ranks/exchange_costs.h"
#include "weft/runtime/substitute.h"

namespace weft {
namespace {

/// Initial values are drawn as run 0, whenever a session first needs them; calls count from 1.
constexpr std::int64_t kInitialRun = 0;
constexpr std::int64_t kFirstRun = 1;

void expect_in_graph(const Graph& graph, const Value& value, std::string_view role) {
  if (&value.graph() == &graph) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("{} belongs to another graph", role),
              {.node = value.name()});
}

template <typename O>
const O& expect_op(const Graph& graph, const Value& value, std::string_view role) {
  expect_value(value, {}, role, {});
  expect_in_graph(graph, value, role);
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
  expect_values(spec.outputs, {}, "output", {});
  for (std::size_t i = 0; i < spec.outputs.size(); ++i) {
    if (&spec.outputs[i].graph() == &graph) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("output {} belongs to another graph", i),
                {.node = spec.outputs[i].name()});
  }
  expect_values(spec.updates, {}, "update", {});
  for (const Value& update : spec.updates) {
    expect_op<Assign>(graph, update, "an update");
    roots.push_back(update);
  }
  return roots;
}

std::vector<std::string> labels_of(const Graph& graph, const FunctionSpec& spec) {
  expect_values(spec.inputs, {}, "input", {});
  for (const Value& fed : spec.inputs) expect_in_graph(graph, fed, "an input");
  for (const Given& given : spec.givens) {
    expect_in_graph(graph, expect_value(given.value, {}, "a given value", {}), "a given value");
    expect_in_graph(graph, expect_value(given.replacement, {}, "a replacement", {}), "a replacement");
  }
  return labels_of_fed(graph, spec.inputs);
}

/// What the roots need, with what is fed or given in place of other values.
Program program_of(const Graph& graph, std::span<const Value> roots, const FunctionSpec& spec,
                   std::span<const std::string> labels) {
  const auto is_input = [&](const Value& fed) { return graph.node(fed.node()).op.is<Input>(); };
  if (spec.givens.empty() && std::ranges::all_of(spec.inputs, is_input)) return extract(graph, roots);
  const Program whole = with_substitutes(graph, roots, spec, labels);
  return extract(*whole.graph, whole.roots);
}

/// Throws for an input that nothing needs, if the function asks for that.
void expect_used(const Program& program, const FunctionSpec& spec, std::span<const std::string> labels) {
  if (spec.unused == UnusedInputs::allow) return;
  std::set<std::string_view> used;
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    if (const auto* input = program.graph->node(id).op.as<Input>()) used.insert(input->label);
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (used.contains(labels[i])) continue;
    const Value& fed = spec.inputs[i];
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the input '{}' is needed by no output and no update", labels[i]),
                {.node = fed.name(), .where = to_string(fed.graph().node(fed.node()).where)});
  }
}

const std::string& label_of(const Graph& graph, const Value& parameter) {
  return expect_op<Parameter>(graph, parameter, "a parameter").label;
}

/// Throws for an `assign` that is not among the updates, since it would store nothing.
void expect_listed(const Program& program, std::size_t outputs) {
  const Graph& graph = *program.graph;
  std::set<NodeId> listed;
  for (std::size_t i = outputs; i < program.roots.size(); ++i) listed.insert(program.roots[i].node());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (!node.op.is<Assign>() || listed.contains(id)) continue;
    throw Error(
        ErrorCode::invalid_argument,
        "an output needs this assign, which is not among the updates and so would store nothing",
        {.op = "assign", .node = graph.node(node.inputs[0].node).name, .where = to_string(node.where)});
  }
}

std::vector<std::string> symbols_of(const FunctionSpec& spec) {
  std::vector<std::string> symbols;
  for (const Value& fed : spec.inputs) {
    for (const Dim& dim : fed.shape()) {
      if (dim.is_symbol() && std::ranges::find(symbols, dim.symbol()) == symbols.end())
        symbols.push_back(dim.symbol());
    }
  }
  return symbols;
}

/// Throws for a shape that depends on a symbol which no input binds.
void expect_bound(const Graph& graph, const std::vector<std::string>& bound) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    for (const TensorType& type : node.outputs) {
      for (const Dim& dim : type.shape) {
        for (const std::string& symbol : dim.symbols()) {
          if (std::ranges::find(bound, symbol) != bound.end()) continue;
          throw Error(ErrorCode::invalid_argument,
                      fmt::format("the symbol '{}' of a shape is bound by no input of the function", symbol),
                      {.op = std::string(node.op.name()),
                       .node = node.name,
                       .expected = fmt::format("an input with {} as a dimension", symbol),
                       .actual = to_string(type),
                       .where = to_string(node.where)});
        }
      }
    }
  }
}

/// What a function is made of, once it is known that it can run for some sizes.
struct CheckedSpec {
  std::vector<Value> roots;          // in the session's graph: the outputs, then the updates
  std::vector<std::string> labels;   // of the inputs
  std::vector<std::string> symbols;  // that the inputs bind
  Program program;
};
CheckedSpec checked_spec(const Graph& graph, const FunctionSpec& spec) {
  CheckedSpec checked{.roots = roots_of(graph, spec),
                      .labels = labels_of(graph, spec),
                      .symbols = symbols_of(spec),
                      .program = {}};
  checked.program = program_of(graph, checked.roots, spec, checked.labels);
  expect_listed(checked.program, spec.outputs.size());
  expect_complete(checked.program, spec.outputs.size(), checked.labels);
  expect_used(checked.program, spec, checked.labels);
  return checked;
}

/// Those of the missing parameters whose initial values need none of the others. Throws if there are none.
std::vector<std::string> ready_among(const Graph& graph, const std::set<std::string_view>& missing) {
  std::vector<bool> waits(graph.size(), false);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const auto* parameter = node.op.as<Parameter>();
    waits[id] = (parameter != nullptr && missing.contains(parameter->label)) ||
                std::ranges::any_of(node.inputs, [&](const ValueId& from) { return waits[from.node]; });
  }
  std::vector<std::string> ready;
  for (const std::string_view label : missing) {
    if (!waits[graph.states().find(label)->second.initial.node()]) ready.emplace_back(label);
  }
  if (!ready.empty()) return ready;
  throw Error(ErrorCode::invalid_argument, "the initial value of a parameter depends on itself",
              {.node = std::string(*missing.begin())});
}

bool reads_parameters(const Graph& graph, std::span<const Value> values) {
  return std::ranges::any_of(needed_nodes(graph, values),
                             [&](NodeId id) { return graph.node(id).op.is<Parameter>(); });
}

bool draws_random_numbers(const Program& program) {
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    if (program.graph->node(id).op.is<RandomKey>()) return true;
  }
  return false;
}

bool communicates(const Program& program) {
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    if (program.graph->node(id).op.traits().communicates) return true;
  }
  return false;
}

/// Throws if a parameter that sessions share by its label has another type here.
void expect_type(const Tensor& parameter, const Value& declared) {
  if (parameter.type() == declared.type()) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the parameter '{}' is shared with a session whose graph gives it another type",
                          declared.name()),
              {.expected = to_string(declared.type()), .actual = to_string(parameter.type())});
}

Tensor key_of(std::int64_t seed, std::int64_t run) { return Tensor::of<std::int64_t>({seed, run}); }

void store(Tensor& parameter, const Tensor& value) {
  if (parameter.bytes() > 0) std::memcpy(parameter.mutable_data(), value.data(), parameter.bytes());
}

}  // namespace

Tensor& SharedParameters::at(std::string_view label) {
  const std::scoped_lock lock(mutex_);
  const auto found = values_.find(label);
  if (found != values_.end()) return found->second;
  constexpr std::size_t kMostListed = 12;
  std::vector<std::string_view> known;
  for (const auto& [name, value] : values_) known.push_back(name);
  const std::span<const std::string_view> listed =
      std::span(known).first(std::min(known.size(), kMostListed));
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the session has no parameter '{}'{}", label, suggestion(label, known)),
              {.expected = known.empty() ? "no name, since the graph has no parameters"
                                         : fmt::format("one of: {}{}", fmt::join(listed, ", "),
                                                       known.size() > kMostListed ? ", ..." : "")});
}

bool SharedParameters::contains(std::string_view label) {
  const std::scoped_lock lock(mutex_);
  return values_.contains(label);
}

void SharedParameters::add(std::vector<std::pair<std::string, Tensor>> values) {
  const std::scoped_lock lock(mutex_);
  for (auto& [label, value] : values) values_.emplace(std::move(label), std::move(value));
}

std::map<std::string, Tensor, std::less<>> SharedParameters::all() {
  const std::scoped_lock lock(mutex_);
  return {values_.begin(), values_.end()};
}

SessionState::SessionState(CompileOptions compile_options, int threads, std::uint64_t random_seed,
                           std::shared_ptr<SharedParameters> shared)
    : options(std::move(compile_options)),
      pool(threads),
      target{.threads = threads, .thread_costs = {}, .stores = std::make_shared<RowStores>(&pool)},
      parameters(std::move(shared)),
      key(key_of(static_cast<std::int64_t>(random_seed), kFirstRun)) {}

void SessionState::choose_bucket() {
  if (!has_peers(communicator.get()) || options.bucket_bytes != 0) return;
  options.bucket_bytes = bucket_bytes_for(measure_exchange_costs(*communicator));
}

void SessionState::set_key(std::int64_t seed, std::int64_t run) {
  const auto values = key.mutable_values<std::int64_t>();
  values[0] = seed;
  values[1] = run;
}

Session::Session(Graph& graph, const SessionOptions& options) : graph_(graph) {
  const int processors = usable_processors();
  const int threads = options.exact_threads ? options.threads : std::min(options.threads, processors);
  if (options.plans < 1 || options.callers < 0) {
    throw Error(ErrorCode::invalid_argument,
                "a session keeps at least one plan and serves no negative callers",
                {.expected = "plans >= 1, callers >= 0",
                 .actual = fmt::format("plans = {}, callers = {}", options.plans, options.callers)});
  }
  state_ = std::make_shared<SessionState>(
      options.compile, threads, options.seed,
      options.share != nullptr
          ? options.share->state_->parameters
          : std::make_shared<SharedParameters>(options.callers > 0 ? options.callers : processors));
  state_->most_plans = static_cast<std::size_t>(options.plans);
  state_->communicator = options.communicator;
  if (!options.exact_threads && threads > 1) state_->target.thread_costs = thread_costs_of(state_->pool);
}

void Session::initialize_new_parameters() {
  SharedParameters& parameters = *state_->parameters;
  std::set<std::string_view> missing;
  for (const auto& [label, declared] : graph_.states()) {
    if (parameters.contains(label)) {
      expect_type(parameters.at(label), declared.value);
    } else {
      missing.insert(label);
    }
  }
  // Those first whose initial values need no other one that is missing.
  while (!missing.empty()) {
    const std::vector<std::string> ready = ready_among(graph_, missing);
    initialize(ready);
    for (const std::string& label : ready) missing.erase(label);
  }
}

void Session::initialize(const std::vector<std::string>& labels) {
  SharedParameters& parameters = *state_->parameters;
  std::vector<Value> initial;
  for (const std::string& label : labels) initial.push_back(graph_.states().at(label).initial);
  const std::scoped_lock compiling(state_->compiling);
  auto compilation = std::make_shared<Compilation>(
      weft::compile(graph_, initial, initial.size(), {}, {}, state_->options, state_->target));
  std::vector<std::pair<std::string, Tensor>> values;
  std::vector<Tensor> made;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const TensorType& type = compilation->lowered.program.roots[i].type();
    made.push_back(Tensor::uninitialized(type.dtype, type.shape.sizes()));
    values.emplace_back(labels[i], made.back());
  }
  // Other parameters are read, if any are, while nobody changes them.
  std::optional<ArenaPool::Lease> lease;
  if (reads_parameters(graph_, initial)) lease.emplace(parameters.arenas.read());
  Arena arena;
  BoundKernels kernels = std::move(compilation->kernels);
  Plan plan(compilation, std::move(kernels), state_, key_of(state_->seed(), kInitialRun));
  plan.run(arena, {}, made);
  parameters.add(std::move(values));
}

Function Session::compile(const FunctionSpec& spec, const Where& where) {
  CheckedSpec checked = located("compile", where, [&] {
    CheckedSpec made = checked_spec(graph_, spec);
    expect_bound(*made.program.graph, made.symbols);
    initialize_new_parameters();
    return made;
  });
  const bool is_exchange = communicates(checked.program);
  if (is_exchange) state_->choose_bucket();
  auto body = std::make_shared<Function::Body>();
  body->labels = std::move(checked.labels);
  body->symbols = std::move(checked.symbols);
  body->program = std::move(checked.program);
  body->outputs = spec.outputs.size();
  body->changes = !spec.updates.empty() || draws_random_numbers(body->program) || is_exchange;
  body->state = state_;
  body->caches.resize(state_->parameters->arenas.most());
  std::vector<std::string> names;
  for (const Value& output : spec.outputs) names.push_back(output.name());
  body->names = std::make_shared<const std::vector<std::string>>(std::move(names));
  for (const Value& fed : spec.inputs) {
    body->types.push_back(fed.type());
    body->built.push_back(to_string(graph_.node(fed.node()).where));
  }
  return Function(std::move(body));
}

Compilation Session::inspect(const FunctionSpec& spec, const Bindings& bindings,
                             const StageObserver& observer, const Where& where) {
  return located("compile", where, [&] {
    const CheckedSpec checked = checked_spec(graph_, spec);
    const std::scoped_lock compiling(state_->compiling);
    return weft::compile(*checked.program.graph, checked.program.roots, spec.outputs.size(), checked.labels,
                         bindings, state_->options, state_->target, observer);
  });
}

Tensor Session::value(const Value& parameter, const Where& where) {
  return value(located("value", where, [&] { return label_of(graph_, parameter); }), where);
}
Tensor Session::value(std::string_view label, const Where& where) {
  return located("value", where, [&] {
    initialize_new_parameters();
    const ArenaPool::Lease lease = state_->parameters->arenas.read();
    return state_->parameters->at(label).clone();
  });
}

void Session::set(const Value& parameter, const Tensor& value, const Where& where) {
  set(located("set", where, [&] { return label_of(graph_, parameter); }), value, where);
}
void Session::set(std::string_view label, const Tensor& value, const Where& where) {
  located("set", where, [&] {
    initialize_new_parameters();
    Tensor& target = state_->parameters->at(label);
    if (value.empty() || value.type() != target.type()) {
      throw Error(ErrorCode::bad_feed, fmt::format("the parameter '{}' was given the wrong tensor", label),
                  {.expected = to_string(target.type()),
                   .actual = value.empty() ? "an empty tensor" : to_string(value.type())});
    }
    const ArenaPool::Lease lease = state_->parameters->arenas.write();
    store(target, value);
  });
}

int Session::threads() const { return state_->pool.threads(); }
const std::shared_ptr<Communicator>& Session::communicator() const { return state_->communicator; }
int Session::cuts() const { return state_->options.cuts; }
std::uint64_t Session::seed() const { return static_cast<std::uint64_t>(state_->seed()); }

RandomPosition Session::random_position() const {
  const ArenaPool::Lease lease = state_->parameters->arenas.read();
  return {.seed = seed(), .run = state_->run()};
}

void Session::set_random_position(const RandomPosition& position) {
  const ArenaPool::Lease lease = state_->parameters->arenas.write();
  state_->set_key(static_cast<std::int64_t>(position.seed), position.run);
}

}  // namespace weft
