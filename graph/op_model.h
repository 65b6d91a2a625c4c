#pragma once
// How Op calls a plain struct: it adapts the forms in which an op may be written to the one interface that
// the rest of weft sees. Included by graph/op.h only.

#include "weft/graph/op.h"

namespace weft::detail {

[[noreturn]] void throw_arity(std::string_view op, std::size_t expected, std::size_t actual);
[[noreturn]] void throw_no_kernel(std::string_view op, DType dtype);
[[noreturn]] void throw_no_gradient(std::string_view op, std::string_view reason);

template <typename O>
class OpModel final : public OpInterface {
 public:
  explicit OpModel(O op) : op_(std::move(op)) {}

  std::string_view name() const override { return O::name; }
  const std::type_info& type() const override { return typeid(O); }
  const void* object() const override { return &op_; }

  Traits traits() const override {
    if constexpr (requires { O::traits; }) {
      return O::traits;
    } else {
      return {};
    }
  }

  std::optional<std::size_t> arity() const override {
    if constexpr (Signature::variadic) return std::nullopt;
    return Signature::inputs;
  }

  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if constexpr (Signature::variadic) {
      return as_vector(op_.infer(inputs));
    } else {
      if (inputs.size() != Signature::inputs) throw_arity(O::name, Signature::inputs, inputs.size());
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return as_vector(op_.infer(inputs[I]...));
      }(std::make_index_sequence<Signature::inputs>());
    }
  }

  bool supports(DType dtype) const override {
    if constexpr (ForwardsWhole<O>) {
      return true;
    } else {
      return visit_dtype(dtype, []<typename T>(T) { return forwards<O, T>(); });
    }
  }

  void forward(const KernelArgs& args) const override {
    if constexpr (ForwardsWhole<O>) {
      op_.forward(args);
    } else {
      visit_dtype(args.element(), [&]<typename T>(T) {
        if constexpr (forwards<O, T>()) {
          [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>, std::index_sequence<J...>) {
            op_.template forward<T>(args.inputs[I]..., args.outputs[J]...);
          }(std::make_index_sequence<Signature::inputs>(),
            std::make_index_sequence<output_count<typename Signature::result>()>());
        } else {
          throw_no_kernel(O::name, args.element());
        }
      });
    }
  }

  std::optional<NoGradient> no_gradient() const override {
    if constexpr (HasNoGradient<O>) {
      return O::gradient;
    } else {
      return std::nullopt;
    }
  }

  std::vector<Value> gradient(const GradientArgs& args) const override {
    if constexpr (HasNoGradient<O>) {
      throw_no_gradient(O::name, NoGradient(O::gradient).reason);
    } else if constexpr (HasFullGradient<O>) {
      return op_.gradient(args);
    } else {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return as_vector(op_.gradient(args.inputs[I]..., args.outputs[0], args.output_gradients[0]));
      }(std::make_index_sequence<Signature::inputs>());
    }
  }

  Value simplify(std::span<const Value> inputs) const override {
    if constexpr (requires {
                    { op_.simplify(inputs) } -> std::same_as<Value>;
                  }) {
      return op_.simplify(inputs);
    } else {
      return {};
    }
  }

  Value stabilize(std::span<const Value> inputs) const override {
    if constexpr (requires {
                    { op_.stabilize(inputs) } -> std::same_as<Value>;
                  }) {
      return op_.stabilize(inputs);
    } else {
      return {};
    }
  }

  std::vector<Value> batch(const BatchArgs& args) const override {
    if constexpr (requires {
                    { op_.batch(args) } -> std::same_as<std::vector<Value>>;
                  }) {
      return op_.batch(args);
    } else {
      return {};
    }
  }

  std::vector<Body> bodies() const override {
    std::vector<Body> found;
    for_each_field(op_, [&](std::string_view, const auto& value) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(value)>, Body>) found.push_back(value);
    });
    return found;
  }

  std::shared_ptr<const OpInterface> with_bodies(std::vector<Body> bodies) const override {
    auto made = std::make_shared<OpModel>(op_);
    auto next = bodies.begin();
    for_each_field(made->op_, [&](std::string_view, auto& value) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(value)>, Body>) {
        if (next != bodies.end()) value = std::move(*next++);
      }
    });
    return made;
  }

  const Tensor* constant() const override {
    if constexpr (requires {
                    { op_.constant_value() } -> std::same_as<const Tensor&>;
                  }) {
      return &op_.constant_value();
    } else {
      return nullptr;
    }
  }

  std::string_view unique_label() const override {
    if constexpr (requires {
                    { op_.unique_label() } -> std::same_as<const std::string&>;
                  }) {
      return op_.unique_label();
    } else {
      return {};
    }
  }

  std::string attributes_text() const override {
    std::string text;
    for_each_field(op_, [&](std::string_view field, const auto& value) {
      if (!text.empty()) text += ", ";
      text.append(field).append("=").append(attribute_text(value));
    });
    return text;
  }

  bool equals(const OpInterface& other) const override {
    if (typeid(O) != other.type()) return false;
    const O& right = *static_cast<const O*>(other.object());
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (attribute_equal(op_.*std::get<I>(fields_of<O>()), right.*std::get<I>(fields_of<O>())) && ...);
    }(std::make_index_sequence<field_count<O>()>());
  }

  std::shared_ptr<const OpInterface> bind(const Bindings& bindings) const override {
    auto bound = std::make_shared<OpModel>(op_);
    for_each_field(bound->op_,
                   [&](std::string_view, auto& value) { value = attribute_bind(value, bindings); });
    return bound;
  }

 private:
  using Signature = InferSignature<decltype(&O::infer)>;

  static std::vector<TensorType> as_vector(TensorType type) { return {std::move(type)}; }
  static std::vector<TensorType> as_vector(std::vector<TensorType> types) { return types; }
  template <std::size_t N>
  static std::vector<TensorType> as_vector(const std::array<TensorType, N>& types) {
    return {types.begin(), types.end()};
  }
  static std::vector<Value> as_vector(Value value) { return {value}; }
  template <std::size_t N>
  static std::vector<Value> as_vector(const std::array<Value, N>& values) {
    return {values.begin(), values.end()};
  }

  O op_;
};

}  // namespace weft::detail
