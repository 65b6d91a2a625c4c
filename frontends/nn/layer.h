#pragma once
// What a layer is. There is no base class: a layer is anything that can be applied to a Value and lists what
// it holds by one of these members:
//   parameters()  its parameters, a range of Values; complete, those of layers within it included
//   layers()      the layers within it: `auto layers() const { return std::tie(first, second); }`
// A layer that behaves differently in training also has train(x), which returns a Value or a Trained. A layer
// with state that no optimizer moves lists it in buffers(). Vectors, arrays, tuples, optionals and pointers
// of layers count as layers everywhere.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/sparse.h"

namespace weft::nn {

/// What a layer returns in training.
struct Trained {
  Value y;
  std::vector<Value> updates{};  // of its buffers, for the training function
};

namespace detail {

template <typename T>
concept HasParameters = requires(const T& layer) {
  { layer.parameters() } -> std::ranges::range;
};
template <typename T>
concept HasBuffers = requires(const T& layer) {
  { layer.buffers() } -> std::ranges::range;
};
template <typename T>
concept HasLayers = requires(const T& layer) { layer.layers(); };
template <typename T>
concept PointerLike = !std::is_function_v<std::remove_pointer_t<T>> && requires(const T& layer) {
  *layer;
  static_cast<bool>(layer);
};
template <typename T>
concept TupleLike = requires { std::tuple_size<T>::value; };
template <typename T>
concept NamesItsKind = requires {
  { T::kind } -> std::convertible_to<std::string_view>;
};

template <typename T>
concept TrainsOperand = requires(const T& layer, const Operand& x) { layer.train(x); };
template <typename T>
concept TrainsValue = requires(const T& layer, const Value& x) { layer.train(x); };
template <typename T>
concept TrainsOtherwise = TrainsOperand<T> || TrainsValue<T>;

enum class State : std::uint8_t { parameters, buffers };

/// Adds a parameter that is not there yet. Throws Error(invalid_argument) for a value that is not a
/// parameter.
void add_once(const Value& parameter, std::vector<Value>& all);

template <typename T>
void collect(const T& part, State which, std::vector<Value>& all) {
  if constexpr (std::same_as<T, Value>) {
    if (which == State::parameters) add_once(part, all);
  } else if constexpr (HasParameters<T> || HasBuffers<T> || HasLayers<T>) {
    if (which == State::parameters) {
      if constexpr (HasParameters<T>) {
        for (const Value& value : part.parameters()) add_once(value, all);
      } else if constexpr (HasLayers<T>) {
        collect(part.layers(), which, all);
      }
    } else if constexpr (HasBuffers<T>) {
      for (const Value& value : part.buffers()) add_once(value, all);
    } else if constexpr (HasLayers<T>) {
      collect(part.layers(), which, all);
    }
  } else if constexpr (std::ranges::range<T>) {
    for (const auto& each : part) collect(each, which, all);
  } else if constexpr (PointerLike<T>) {
    if (part) collect(*part, which, all);
  } else if constexpr (TupleLike<T>) {
    std::apply([&](const auto&... each) { (collect(each, which, all), ...); }, part);
  } else {
    static_assert(TupleLike<T>, "a layer has a member parameters() or layers()");
  }
}

/// A type that is a layer and not a function, because it has one of the members.
template <typename L>
concept Holds = HasParameters<L> || HasBuffers<L> || HasLayers<L> || NamesItsKind<L>;

/// Whether a layer takes an Operand, which knows the user's line. Generic lambdas are not asked, since their
/// bodies would have to compile.
template <typename L>
constexpr bool takes_operand() {
  if constexpr (!Holds<L> && std::is_class_v<L> && !requires { &L::operator(); }) {
    return false;
  } else {
    return std::is_invocable_r_v<Value, const L&, const Operand&>;
  }
}

template <typename L>
concept Applicable = std::is_invocable_r_v<Value, const L&, const Value&>;

template <Applicable L>
Value apply_layer(const L& layer, const Operand& x) {
  if constexpr (takes_operand<L>()) {
    return layer(x);
  } else {
    return layer(x.value());
  }
}

}  // namespace detail

/// All parameters of layers, nested ones too, each once, for an optimizer to train. Throws
/// Error(invalid_argument) for a value that is not a parameter, and for a layer that has no parameters yet
/// because it was not applied.
template <typename... Layers>
std::vector<Value> parameters(const Layers&... layers) {
  std::vector<Value> all;
  (detail::collect(layers, detail::State::parameters, all), ...);
  return all;
}

/// The state of layers that no optimizer moves: the running values of batch norm.
template <typename... Layers>
std::vector<Value> buffers(const Layers&... layers) {
  std::vector<Value> all;
  (detail::collect(layers, detail::State::buffers, all), ...);
  return all;
}

/// Applies a layer as in training: by its train(x) if it has one, otherwise as in prediction.
template <detail::Applicable L>
Trained train(const L& layer, const Operand& x) {
  if constexpr (detail::TrainsOperand<L>) {
    return Trained{layer.train(x)};
  } else if constexpr (detail::TrainsValue<L>) {
    return Trained{layer.train(x.value())};
  } else {
    static_assert(!requires { &L::train; }, "train(x) of a layer is const and takes a Value or an Operand");
    return {.y = detail::apply_layer(layer, x)};
  }
}

/// Holds any layer or function of one Value. Copies share the layer.
class Layer {
 public:
  Layer(Value (*function)(const Operand&));
  template <typename L>
    requires(!std::same_as<L, Layer> && detail::Applicable<L>)
  Layer(L layer) : layer_(std::make_shared<const Held<L>>(std::move(layer))) {}
  /// With a name for summaries and errors.
  Layer(std::string name, const Layer& layer) : Layer(layer) { name_ = std::move(name); }

  /// Applies the layer as in prediction.
  Value operator()(const Operand& x) const { return layer_->predict(x); }
  /// Throws Error(invalid_argument) if the layer does not take sparse matrices.
  Value operator()(const SparseValue& x, Where where = Where::current()) const {
    return layer_->predict(x, where);
  }
  Trained train(const Operand& x) const { return layer_->train(x); }

  std::vector<Value> parameters() const { return layer_->parameters(); }
  std::vector<Value> buffers() const { return layer_->buffers(); }
  /// The layers of a Sequential; otherwise empty.
  std::vector<Layer> children() const { return layer_->children(); }

  /// The given name, or the beginning of its parameters' names, "dense1"; otherwise empty.
  std::string name() const;
  /// "Dense"; empty for a function.
  std::string_view kind() const { return layer_->kind(); }

 private:
  struct Interface {
    Interface() = default;
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;
    virtual ~Interface() = default;
    virtual Value predict(const Operand& x) const = 0;
    virtual Value predict(const SparseValue& x, Where where) const = 0;
    virtual Trained train(const Operand& x) const = 0;
    virtual std::vector<Value> parameters() const = 0;
    virtual std::vector<Value> buffers() const = 0;
    virtual std::vector<Layer> children() const = 0;
    virtual std::string name() const = 0;
    virtual std::string_view kind() const = 0;
  };
  [[noreturn]] static void throw_takes_no_sparse(std::string_view kind, Where where);

  template <typename L>
  struct Held final : Interface {
    explicit Held(L held) : layer(std::move(held)) {}
    Value predict(const Operand& x) const override { return detail::apply_layer(layer, x); }
    Value predict(const SparseValue& x, Where where) const override {
      if constexpr (detail::Holds<L> && std::is_invocable_r_v<Value, const L&, const SparseValue&, Where>) {
        return layer(x, where);
      } else {
        throw_takes_no_sparse(kind(), where);
      }
    }
    Trained train(const Operand& x) const override { return nn::train(layer, x); }
    std::vector<Value> parameters() const override {
      if constexpr (detail::Holds<L>) return held(detail::State::parameters);
      return {};
    }
    std::vector<Value> buffers() const override {
      if constexpr (detail::Holds<L>) return held(detail::State::buffers);
      return {};
    }
    std::vector<Layer> children() const override {
      if constexpr (requires {
                      { layer.layers() } -> std::convertible_to<std::vector<Layer>>;
                    }) {
        return layer.layers();
      }
      return {};
    }
    std::string name() const override {
      if constexpr (requires {
                      { layer.name() } -> std::convertible_to<std::string>;
                    }) {
        return layer.name();
      }
      return {};
    }
    std::string_view kind() const override {
      if constexpr (detail::NamesItsKind<L>) return L::kind;
      return {};
    }
    std::vector<Value> held(detail::State which) const {
      std::vector<Value> all;
      if constexpr (detail::HasParameters<L> || detail::HasBuffers<L> || detail::HasLayers<L>)
        detail::collect(layer, which, all);
      return all;
    }
    L layer;
  };

  std::shared_ptr<const Interface> layer_;
  std::string name_;
};

/// The layer's name "dense1" from the parameter's "dense1/weight".
std::string layer_name(const Value& parameter);

/// Throws an Error that names the layer of `parameter` unless `fits` holds and x has the parameter's dtype:
/// shape_mismatch or dtype_mismatch, with the expected shape as text and the actual type.
void expect_input(std::string_view layer, const Value& parameter, const TensorType& x, bool fits,
                  std::string_view expected_shape, Where where);

}  // namespace weft::nn
