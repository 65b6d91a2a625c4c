#pragma once
// Layers that take the size of their input from the first value that they are applied to.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/nn/layer.h"

namespace weft::nn {

namespace detail {

/// The name that gives `full` within the open scopes of the graph.
std::string name_within_scopes(const Graph& graph, std::string_view full);
[[noreturn]] void throw_not_applied(std::string_view layer, std::string_view name);

}  // namespace detail

/// A layer of type L that is built when it is first applied; copies share it. Its parameters get the names
/// that they would have got where it was declared. One thread at a time may apply it, since it builds nodes.
template <typename L>
class Lazy {
 public:
  static constexpr std::string_view kind = L::kind;
  /// Makes the layer of the given name for inputs of a type.
  using Build = std::function<L(std::string_view name, const TensorType& x, Where where)>;

  Lazy(Graph& graph, std::string_view name, Build build)
      : state_(std::make_shared<State>(State{&graph, graph.full_name(name), std::move(build), nullptr})) {}

  Value operator()(const Operand& x) const { return built(x.value().type(), x.where())(x); }
  Value operator()(const SparseValue& x, Where where = Where::current()) const
    requires std::is_invocable_v<const L&, const SparseValue&, Where>
  {
    return built({x.dtype() == u8 ? f32 : x.dtype(), x.shape()}, where)(x, where);
  }
  auto train(const Operand& x) const
    requires detail::TrainsOtherwise<L>
  {
    return built(x.value().type(), x.where()).train(x);
  }

  /// The layer itself. This and the next three functions throw Error(invalid_argument) before it was applied.
  const L& layer() const {
    if (!state_->layer) detail::throw_not_applied(kind, state_->name);
    return *state_->layer;
  }
  const L* operator->() const { return &layer(); }
  std::vector<Value> parameters() const { return nn::parameters(layer()); }
  std::vector<Value> buffers() const { return nn::buffers(layer()); }

  const std::string& name() const { return state_->name; }

 private:
  struct State {
    Graph* graph = nullptr;
    std::string name;
    Build build;
    std::unique_ptr<L> layer;  // null before it is applied
  };

  const L& built(const TensorType& x, Where where) const {
    if (!state_->layer) {
      state_->layer = std::make_unique<L>(
          state_->build(detail::name_within_scopes(*state_->graph, state_->name), x, where));
    }
    return *state_->layer;
  }

  std::shared_ptr<State> state_;
};

}  // namespace weft::nn
