#include "weft/runtime/function.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <mutex>

#include "weft/runtime/function_body.h"

namespace weft {
namespace {

constexpr std::int64_t kUnbound = -1;

std::string type_text(const Tensor& tensor) {
  return tensor.empty() ? "an empty tensor" : to_string(tensor.type());
}
std::string type_text(const TensorType& type) { return to_string(type); }

DType dtype_of_input(const Tensor& tensor) { return tensor.dtype(); }
DType dtype_of_input(const TensorType& type) { return type.dtype; }
std::size_t rank_of(const Tensor& tensor) { return tensor.rank(); }
std::size_t rank_of(const TensorType& type) { return type.shape.rank(); }
std::int64_t size_at(const Tensor& tensor, std::size_t axis) { return tensor.sizes()[axis]; }
std::int64_t size_at(const TensorType& type, std::size_t axis) { return type.shape[axis].size(); }
bool is_missing(const Tensor& tensor) { return tensor.empty(); }
bool is_missing(const TensorType&) { return false; }

/// The entry that was not used for the longest time.
template <typename Entries>
auto oldest(Entries& entries) {
  return std::ranges::min_element(entries, {}, [](const auto& entry) { return entry.used; });
}

bool are_equal(const Node& a, const Node& b) {
  return a.op == b.op && a.inputs == b.inputs && a.outputs == b.outputs;
}

/// Whether two programs have the same nodes in the same order.
bool are_equal(const Program& a, const Program& b) {
  const auto ids = [](const Program& program) {
    std::vector<ValueId> roots;
    for (const Value& root : program.roots) roots.push_back({root.node(), root.output()});
    return roots;
  };
  if (a.graph->size() != b.graph->size() || ids(a) != ids(b)) return false;
  for (NodeId id = 0; id < a.graph->size(); ++id) {
    if (!are_equal(a.graph->node(id), b.graph->node(id))) return false;
  }
  return true;
}

bool overlap(const Tensor& a, const Tensor& b) {
  const auto* const first = static_cast<const std::byte*>(a.data());
  const auto* const second = static_cast<const std::byte*>(b.data());
  const std::less<> before;
  return a.bytes() > 0 && b.bytes() > 0 && before(first, second + b.bytes()) &&
         before(second, first + a.bytes());
}

}  // namespace

ArenaPool::Lease Function::Body::lease(bool writes, const Where& where) {
  try {
    return writes ? state->parameters->arenas.write() : state->parameters->arenas.read();
  } catch (const Error& error) {
    throw error.with({.where = to_string(where)});
  }
}

template <typename Inputs>
void Function::Body::bind(std::vector<std::int64_t>& bound, const Inputs& inputs, const Where& where) const {
  if (inputs.size() != types.size()) {
    throw Error(ErrorCode::bad_feed, "the number of inputs is wrong",
                {.expected = fmt::format("{} ({})", types.size(), fmt::join(labels, ", ")),
                 .actual = std::to_string(inputs.size()),
                 .where = to_string(where)});
  }
  const auto refuse = [&](std::size_t i, const std::string& expected) {
    throw Error(ErrorCode::bad_feed,
                fmt::format("the input '{}' (built at {}) was fed the wrong tensor", labels[i], built[i]),
                {.expected = expected, .actual = type_text(inputs[i]), .where = to_string(where)});
  };
  bound.assign(symbols.size(), kUnbound);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const TensorType& type = types[i];
    const auto& fed = inputs[i];
    if (is_missing(fed) || dtype_of_input(fed) != type.dtype || rank_of(fed) != type.shape.rank())
      refuse(i, to_string(type));
    for (std::size_t axis = 0; axis < type.shape.rank(); ++axis) {
      const Dim& dim = type.shape[axis];
      const std::int64_t size = size_at(fed, axis);
      if (!dim.is_symbol()) {
        if (!dim.is(size)) refuse(i, to_string(type));
        continue;
      }
      std::int64_t& bound_size =
          bound[static_cast<std::size_t>(std::ranges::find(symbols, dim.symbol()) - symbols.begin())];
      if (bound_size == kUnbound) bound_size = size;
      if (bound_size != size)
        refuse(i, fmt::format("{} with {} = {}", to_string(type), dim.symbol(), bound_size));
    }
  }
}

template <typename Inputs>
Function::Body::Entry& Function::Body::entry_for(Cache& cache, const Inputs& inputs, const Where& where) {
  bind(cache.bound, inputs, where);
  std::vector<Entry>& entries = cache.entries;
  ++cache.calls;
  if (cache.last >= entries.size() || entries[cache.last].sizes != cache.bound) {
    auto found = std::ranges::find(entries, cache.bound, &Entry::sizes);
    if (found == entries.end()) {
      while (entries.size() >= state->most_plans) entries.erase(oldest(entries));
      found = entries.insert(entries.end(), make_entry(cache.bound));
    }
    cache.last = static_cast<std::size_t>(found - entries.begin());
  }
  entries[cache.last].used = cache.calls;
  return entries[cache.last];
}

Function::Body::Entry Function::Body::make_entry(const std::vector<std::int64_t>& sizes) {
  Entry entry{.sizes = sizes, .plan = make_plan(sizes), .output_sizes = {}};
  for (std::size_t i = 0; i < outputs; ++i)
    entry.output_sizes.push_back(entry.plan->compilation().lowered.program.roots[i].shape().sizes());
  return entry;
}

std::unique_ptr<Plan> Function::Body::make_plan(const std::vector<std::int64_t>& sizes) {
  const std::scoped_lock lock(mutex);
  ++clock;
  if (const auto found = std::ranges::find(known, sizes, &Known::sizes); found != known.end()) {
    found->used = clock;
    return std::make_unique<Plan>(found->compilation,
                                  bind_kernels(found->compilation->lowered, found->compilation->schedule),
                                  state, state->key, found->kept);
  }
  Bindings bindings;
  for (std::size_t i = 0; i < symbols.size(); ++i) bindings[symbols[i]] = sizes[i];
  const std::scoped_lock compiling(state->compiling);
  auto compilation = std::make_shared<Compilation>(
      compile(*program.graph, program.roots, outputs, labels, bindings, state->options, state->target));
  BoundKernels kernels = std::move(compilation->kernels);
  while (known.size() >= state->most_plans) known.erase(oldest(known));
  known.push_back({sizes, compilation, kept_for(*compilation), clock});
  return std::make_unique<Plan>(compilation, std::move(kernels), state, state->key, known.back().kept);
}

/// What another compilation keeps, if it keeps the same.
std::shared_ptr<KeptTensors> Function::Body::kept_for(const Compilation& compilation) const {
  if (compilation.prologue == nullptr) return nullptr;
  const Program& own = compilation.prologue->lowered.program;
  for (const Known& other : known) {
    if (other.kept != nullptr && are_equal(other.compilation->prologue->lowered.program, own))
      return other.kept;
  }
  return std::make_shared<KeptTensors>(own);
}

Outputs Function::Body::fresh_outputs(const Entry& entry) const {
  std::vector<Tensor> fresh;
  fresh.reserve(outputs);
  for (std::size_t i = 0; i < outputs; ++i)
    fresh.push_back(Tensor::uninitialized(program.roots[i].dtype(), entry.output_sizes[i]));
  return {std::move(fresh), names};
}

void Function::Body::expect_outputs(const Entry& entry, std::span<const Tensor> inputs,
                                    std::span<const Tensor> given, const Where& where) const {
  const auto refuse = [&](const std::string& what, const std::string& expected, const std::string& actual) {
    throw Error(ErrorCode::bad_feed, what,
                {.expected = expected, .actual = actual, .where = to_string(where)});
  };
  if (given.size() != outputs)
    refuse("the number of outputs is wrong", std::to_string(outputs), std::to_string(given.size()));
  for (std::size_t i = 0; i < outputs; ++i) {
    const DType dtype = program.roots[i].dtype();
    if (given[i].empty() || given[i].dtype() != dtype ||
        !std::ranges::equal(given[i].sizes(), entry.output_sizes[i])) {
      refuse(fmt::format("output {} does not fit into the tensor that was given for it", i),
             to_string(TensorType{dtype, Shape::of(entry.output_sizes[i])}), type_text(given[i]));
    }
    const auto shared = [&](const Tensor& other) { return overlap(given[i], other); };
    if (std::ranges::any_of(inputs, shared) || std::ranges::any_of(given.first(i), shared))
      refuse(fmt::format("the tensor for output {} overlaps an input or another output", i), "", "");
  }
}

void Function::Body::run(Cache& cache, Entry& entry, Arena& arena, std::span<const Tensor> inputs,
                         std::span<Tensor> given) {
  entry.plan->run(arena, inputs, given);
  if (entry.plan->is_random()) state->set_key(state->seed(), state->run() + 1);
  latest.store(static_cast<std::size_t>(&cache - caches.data()), std::memory_order_relaxed);
}

Outputs Function::operator()(std::span<const Tensor> inputs, const Where& where) const {
  const ArenaPool::Lease lease = body_->lease(body_->changes, where);
  Body::Cache& cache = body_->caches[lease.index()];
  Body::Entry& entry = body_->entry_for(cache, inputs, where);
  Outputs outputs = body_->fresh_outputs(entry);
  body_->run(cache, entry, lease.arena(), inputs, outputs);
  return outputs;
}

void Function::run_into(std::span<const Tensor> inputs, std::span<Tensor> outputs, const Where& where) const {
  const ArenaPool::Lease lease = body_->lease(body_->changes, where);
  Body::Cache& cache = body_->caches[lease.index()];
  Body::Entry& entry = body_->entry_for(cache, inputs, where);
  body_->expect_outputs(entry, inputs, outputs, where);
  body_->run(cache, entry, lease.arena(), inputs, outputs);
}

Outputs Function::outputs_for(std::span<const Tensor> inputs, const Where& where) const {
  const ArenaPool::Lease lease = body_->lease(false, where);
  return body_->fresh_outputs(body_->entry_for(body_->caches[lease.index()], inputs, where));
}

void Function::expect_outputs(std::size_t count, const Where& where) const {
  if (count == body_->outputs) return;
  throw Error(ErrorCode::invalid_argument, "the function has another number of outputs",
              {.expected = std::to_string(count),
               .actual = std::to_string(body_->outputs),
               .where = to_string(where)});
}

std::size_t Function::plans() const {
  const std::scoped_lock lock(body_->mutex);
  return body_->known.size();
}

MemoryLedger Function::ledger(std::span<const TensorType> inputs, const Where& where) const {
  const ArenaPool::Lease lease = body_->lease(false, where);
  return ledger_of(body_->entry_for(body_->caches[lease.index()], inputs, where).plan->compilation());
}

std::size_t Function::barriers(std::span<const TensorType> inputs, const Where& where) const {
  const ArenaPool::Lease lease = body_->lease(false, where);
  const Body::Entry& entry = body_->entry_for(body_->caches[lease.index()], inputs, where);
  return entry.plan->compilation().schedule.barriers();
}

Profile Function::profile(std::size_t latest) const {
  const Body::Cache& cache = body_->caches[body_->latest.load(std::memory_order_relaxed)];
  if (cache.last >= cache.entries.size())
    throw Error(ErrorCode::invalid_argument, "a profile needs at least one call of the function");
  return cache.entries[cache.last].plan->profile(latest);
}

}  // namespace weft
