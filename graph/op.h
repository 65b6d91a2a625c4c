#pragma once
// What an op is. An op is a plain struct: its fields are the attributes, and it has
//
//   static constexpr std::string_view name = "swish";
//   static constexpr auto attributes = weft::attributes(&Swish::beta);      // if it has fields
//   static constexpr weft::Traits traits{.elementwise = true};             // if a default does not fit
//   TensorType infer(const TensorType& x) const;                           // shape rule; throws Error
//   template <std::floating_point T>
//   void forward(std::span<const T> x, std::span<T> y) const;              // reference kernel
//   Value gradient(Value x, Value y, Value dy) const;                      // builds graph, never numbers
//
// and nothing else: no base class, no macro, no registration. Variations:
//   - several inputs: one parameter each; any number: infer(std::span<const TensorType>).
//   - several outputs: infer returns std::array<TensorType, N> (or std::vector).
//   - kernels that need shapes take View<const T> and View<T> in place of spans.
//   - kernels over mixed dtypes name the other element types (std::span<const bool>), or take const
//     KernelArgs&.
//   - several inputs' gradients: std::array<Value, N>; several outputs: gradient(const GradientArgs&).
//     An empty Value says that the output does not depend on the input.
//   - no gradient at all: static constexpr weft::NoGradient gradient{"why"};
//   - const std::string& unique_label() const: a name that only one node of this op may have in a graph, as
//     for inputs.
//   - Value simplify(std::span<const Value> inputs) const: a cheaper value that is equal to the bit, signed
//     zeros, infinities and NaNs included, or an empty one.
//   - Value stabilize(std::span<const Value> inputs) const: the same function of real numbers, written so
//     that nothing overflows or cancels on the way, or an empty value (see graph/passes/standard.h).
//   - std::vector<Value> batch(const BatchArgs& args) const: the op on many examples at once, for vmap(). Ops
//     that are elementwise or row-wise need none.
//   - fields of type Body: programs that the op holds, which the compiler sees; their reference kernel is
//     forward(), as for any op.
// The kernels of elementwise ops are always called on spans of one length; their caller broadcasts.
//
// The class Op holds any such struct. Ops are immutable values and may be shared between threads.

#include <array>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "weft/graph/attributes.h"
#include "weft/graph/body.h"
#include "weft/graph/kernel_args.h"
#include "weft/graph/value.h"

namespace weft {

/// What passes, the planner and the scheduler may know about an op. They ask for traits, never for names.
struct Traits {
  bool elementwise = false;  // y[i] is a function of every x[i]; inputs broadcast; outputs have one shape
  bool row_wise = false;     // row r (first axis) of an output needs only row r of inputs with as many rows;
                             // if all of them are vectors, which may be single rows, nothing is promised
  bool commutative = false;  // f(a, b) == f(b, a)
  bool stateful =
      false;  // reads or writes something other than its inputs: never folded, merged or duplicated
  bool communicates = false;  // exchanges data with other ranks, which all run it in the same order
  bool view = false;          // the output is the input's memory under another shape
  /// Whether the kernel may throw; it then runs before any update. An op that does not say counts as one that
  /// may, unless it is built in.
  std::optional<bool> can_fail{};
};

/// Says that an op has no gradient, and why.
struct NoGradient {
  std::string_view reason;
};

/// The vector-Jacobian product (autodiff/gradients.h): the sum of `cotangents` times the derivatives of
/// `outputs`, with respect to each of `wrt`; empty Values for those that no output depends on.
using Differentiate = std::vector<Value> (*)(std::span<const Value> outputs,
                                             std::span<const Value> cotangents, std::span<const Value> wrt);

/// What a gradient rule may use: the node's inputs and outputs, and the gradient of the loss with respect to
/// each output. A gradient is empty where the loss does not depend on that output. The rule of an op that
/// holds programs calls `differentiate` on what it copies of them.
struct GradientArgs {
  std::span<const Value> inputs;
  std::span<const Value> outputs;
  std::span<const Value> output_gradients;
  Differentiate differentiate = nullptr;
};

/// The results of a function for `size` examples, as values of `graph`: each has the axis of the examples
/// first, or does without it where it is the same for all. `arguments` that are `batched` have that axis.
using BatchBody = std::vector<Value> (*)(Graph& graph, const Body& body, std::span<const Value> arguments,
                                         const std::vector<bool>& batched, const Dim& size);

/// What a batching rule may use: inputs that are `batched` have an axis of `size` examples before those that
/// the op knows, the others are the same for all examples. The rule returns each output with that axis first,
/// or without it where it is the same for all; or an empty list where it has no form for such inputs. The
/// rule of an op that holds programs calls `batch_body` on them; where that is null, it has no form.
struct BatchArgs {
  std::span<const Value> inputs;
  std::vector<bool> batched;
  Dim size;
  BatchBody batch_body = nullptr;
};

namespace detail {

template <typename Signature>
struct InferSignature {
  static constexpr bool valid = false;
};
template <typename Result, typename O, typename... In>
struct InferSignature<Result (O::*)(In...) const> {
  static constexpr bool valid = (std::is_same_v<std::remove_cvref_t<In>, TensorType> && ...);
  static constexpr bool variadic = false;
  static constexpr std::size_t inputs = sizeof...(In);
  using result = Result;
};
template <typename Result, typename O>
struct InferSignature<Result (O::*)(std::span<const TensorType>) const> {
  static constexpr bool valid = true;
  static constexpr bool variadic = true;
  static constexpr std::size_t inputs = 0;
  using result = Result;
};

template <typename Result>
constexpr std::size_t output_count() {
  if constexpr (std::is_same_v<Result, TensorType>) return 1;
  if constexpr (requires { std::tuple_size<Result>::value; }) return std::tuple_size_v<Result>;
  return 0;
}

template <typename Result>
constexpr bool kTypes = std::is_same_v<Result, TensorType> || std::is_same_v<Result, std::vector<TensorType>>;
template <std::size_t N>
constexpr bool kTypes<std::array<TensorType, N>> = true;

template <typename O>
concept HasInfer = requires { &O::infer; } && InferSignature<decltype(&O::infer)>::valid &&
                   kTypes<typename InferSignature<decltype(&O::infer)>::result>;

template <typename O>
concept ForwardsWhole = requires(const O& op, const KernelArgs& args) { op.forward(args); };

template <typename O, typename T, std::size_t In, std::size_t Out>
constexpr bool forwards_typed() {
  return []<std::size_t... I, std::size_t... J>(std::index_sequence<I...>, std::index_sequence<J...>) {
    return requires(const O& op, const ConstArg& in, const Arg& out) {
      op.template forward<T>((static_cast<void>(I), in)..., (static_cast<void>(J), out)...);
    };
  }(std::make_index_sequence<In>(), std::make_index_sequence<Out>());
}

template <typename O, typename T>
constexpr bool forwards() {
  using Signature = InferSignature<decltype(&O::infer)>;
  return forwards_typed<O, T, Signature::inputs, output_count<typename Signature::result>()>();
}

template <typename O>
constexpr bool forwards_any() {
  return ElementTypes::any([]<typename T>(std::type_identity<T>) { return forwards<O, T>(); });
}

template <typename O>
concept HasNoGradient = requires {
  { O::gradient } -> std::convertible_to<NoGradient>;
};
template <typename O>
concept HasFullGradient = requires(const O& op, const GradientArgs& args) {
  { op.gradient(args) } -> std::convertible_to<std::vector<Value>>;
};

template <typename Result>
constexpr bool kGradientResult = std::is_same_v<Result, Value>;
template <std::size_t N>
constexpr bool kGradientResult<std::array<Value, N>> = true;

template <typename O, std::size_t In>
constexpr bool has_plain_gradient() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    if constexpr (requires(const O& op, Value v) { op.gradient((static_cast<void>(I), v)..., v, v); }) {
      using Result = decltype(std::declval<const O&>().gradient(
          (static_cast<void>(I), std::declval<Value>())..., std::declval<Value>(), std::declval<Value>()));
      return kGradientResult<Result>;
    }
    return false;
  }(std::make_index_sequence<In>());
}

template <typename Field>
concept Attribute = requires(const Field& field) {
  { attribute_text(field) } -> std::convertible_to<std::string>;
  { attribute_equal(field, field) } -> std::convertible_to<bool>;
};

template <typename O, typename Field>
Field type_of_field(Field O::*);

template <typename O>
constexpr bool fields_are_attributes() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (Attribute<decltype(type_of_field(std::get<I>(fields_of<O>())))> && ...);
  }(std::make_index_sequence<field_count<O>()>());
}

/// Which pieces of an op a struct has. Pieces that need a shape rule are not looked at without one.
template <typename O>
struct Pieces {
  static constexpr bool name = requires { std::string_view(O::name); };
  static constexpr bool copies = std::copy_constructible<O>;
  static constexpr bool lists_fields = std::is_empty_v<O> || requires { O::attributes; };
  static constexpr bool traits = [] {
    if constexpr (requires { O::traits; }) return std::is_same_v<decltype(O::traits), const Traits>;
    return true;
  }();
  static constexpr bool attributes = [] {
    if constexpr (lists_fields) return fields_are_attributes<O>();
    return true;
  }();
  static constexpr bool infer = HasInfer<O>;
  static constexpr std::size_t outputs = [] {
    if constexpr (infer) return output_count<typename InferSignature<decltype(&O::infer)>::result>();
    return std::size_t{0};
  }();
  static constexpr bool forward = [] {
    if constexpr (infer) return ForwardsWhole<O> || forwards_any<O>();
    return true;
  }();
  static constexpr bool gradient = [] {
    if constexpr (HasNoGradient<O> || HasFullGradient<O> || !infer) return true;
    if constexpr (infer) return has_plain_gradient<O, InferSignature<decltype(&O::infer)>::inputs>();
  }();
  static constexpr bool gradients_of_all = HasNoGradient<O> || HasFullGradient<O> || outputs <= 1;
  static constexpr bool all = name && copies && lists_fields && traits && attributes && infer && forward &&
                              gradient && gradients_of_all;
};

/// One readable sentence for each piece that is missing.
template <typename O>
consteval void explain() {
  using Has = Pieces<O>;
  static_assert(Has::name, "weft: an op needs a name: static constexpr std::string_view name = \"...\";");
  static_assert(Has::copies, "weft: an op must be copyable, its fields are its attributes");
  static_assert(Has::lists_fields,
                "weft: an op lists its fields, or two ops that differ in them would count as equal: "
                "static constexpr auto attributes = weft::attributes(&MyOp::field, ...);");
  static_assert(
      Has::traits,
      "weft: the traits of an op are static constexpr weft::Traits traits{.elementwise = true, ...};");
  static_assert(Has::attributes,
                "weft: an attribute of an op needs operator== and, beside its type, "
                "std::string attribute_text(const T&), so that ops can be compared and printed");
  static_assert(Has::infer,
                "weft: an op needs a shape rule: TensorType infer(const TensorType& x, ...) const, "
                "or infer(std::span<const TensorType>) const for any number of inputs");
  static_assert(Has::forward,
                "weft: an op needs a reference kernel: template <std::floating_point T> void "
                "forward(std::span<const T> x, ..., std::span<T> y, ...) const with one parameter for each "
                "input and output, or void forward(const KernelArgs& args) const");
  static_assert(Has::gradient,
                "weft: an op needs a gradient: Value gradient(Value x, ..., Value y, Value dy) const, or "
                "std::vector<Value> gradient(const GradientArgs& args) const, or, to say that it has none, "
                "static constexpr weft::NoGradient gradient{\"why\"};");
  static_assert(Has::gradients_of_all,
                "weft: the gradient of an op with several outputs needs them all: "
                "std::vector<Value> gradient(const GradientArgs& args) const");
}

struct OpInterface {
  virtual ~OpInterface() = default;
  virtual std::string_view name() const = 0;
  virtual Traits traits() const = 0;
  virtual const std::type_info& type() const = 0;
  virtual const void* object() const = 0;
  virtual std::optional<std::size_t> arity() const = 0;
  virtual std::vector<TensorType> infer(std::span<const TensorType> inputs) const = 0;
  virtual bool supports(DType dtype) const = 0;
  virtual void forward(const KernelArgs& args) const = 0;
  virtual std::optional<NoGradient> no_gradient() const = 0;
  virtual std::vector<Value> gradient(const GradientArgs& args) const = 0;
  virtual Value simplify(std::span<const Value> inputs) const = 0;
  virtual Value stabilize(std::span<const Value> inputs) const = 0;
  virtual std::vector<Value> batch(const BatchArgs& args) const = 0;
  virtual std::vector<Body> bodies() const = 0;
  virtual std::shared_ptr<const OpInterface> with_bodies(std::vector<Body> bodies) const = 0;
  virtual const Tensor* constant() const = 0;
  virtual std::string_view unique_label() const = 0;
  virtual std::string attributes_text() const = 0;
  virtual bool equals(const OpInterface& other) const = 0;
  virtual std::shared_ptr<const OpInterface> bind(const Bindings& bindings) const = 0;
};

template <typename O>
class OpModel;

using Model = std::shared_ptr<const OpInterface>;

/// For an incomplete op the compiler reports these sentences; it gets no model, whose errors would bury them.
/// Each file that makes an op compiles its model, with the kernels for all dtypes, unless its header says
/// `extern template detail::Model detail::model_of(Add);` and one source the same without `extern`.
template <typename O>
Model model_of(O op) {
  if constexpr (Pieces<O>::all) {
    return std::make_shared<OpModel<O>>(std::move(op));
  } else {
    explain<O>();
    return nullptr;
  }
}

}  // namespace detail

/// Any op. Cheap to copy: the struct is shared and immutable.
class Op {
 public:
  template <typename O>
    requires(!std::same_as<O, Op>)
  Op(O op) : self_(detail::model_of(std::move(op))) {}

  std::string_view name() const { return self_->name(); }
  Traits traits() const { return self_->traits(); }
  /// The number of inputs, where it is fixed.
  std::optional<std::size_t> arity() const { return self_->arity(); }

  /// The outputs' types; throws Error where the inputs do not fit.
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const { return self_->infer(inputs); }
  /// Whether the reference kernel exists for elements of this dtype (see KernelArgs::element).
  bool supports(DType dtype) const { return self_->supports(dtype); }
  /// Runs the reference kernel. Every buffer is dense and has the size that infer gave.
  void forward(const KernelArgs& args) const { self_->forward(args); }

  /// The reason, for an op that has no gradient.
  std::optional<NoGradient> no_gradient() const { return self_->no_gradient(); }
  /// One value for each input; empty where the input does not matter.
  std::vector<Value> gradient(const GradientArgs& args) const { return self_->gradient(args); }
  /// A cheaper value for this op on these inputs that is equal to the bit, or an empty one.
  Value simplify(std::span<const Value> inputs) const { return self_->simplify(inputs); }
  /// The same function in a form that neither overflows nor cancels where this one does, or an empty value.
  Value stabilize(std::span<const Value> inputs) const { return self_->stabilize(inputs); }
  /// The outputs for a batch of examples, or nothing for an op without a rule for such inputs.
  std::vector<Value> batch(const BatchArgs& args) const { return self_->batch(args); }
  /// The programs that the op holds, in the order of its fields: of a loop what a step does, of a choice its
  /// branches. Empty for most ops.
  std::vector<Body> bodies() const { return self_->bodies(); }
  /// The same op with other programs, as many as it has.
  Op with_bodies(std::vector<Body> bodies) const { return Op(self_->with_bodies(std::move(bodies))); }
  /// The tensor, for an op that is a constant.
  const Tensor* constant() const { return self_->constant(); }
  /// The name that no other node of this op may have in a graph; empty for ops without one.
  std::string_view unique_label() const { return self_->unique_label(); }

  /// "beta=1.5, axis=0"; empty without attributes.
  std::string attributes_text() const { return self_->attributes_text(); }
  std::size_t hash() const;
  /// The same op with the known symbols in its attributes replaced by numbers.
  Op bind(const Bindings& bindings) const { return Op(self_->bind(bindings)); }

  /// The struct, if it is an O.
  template <typename O>
  const O* as() const {
    return self_->type() == typeid(O) ? static_cast<const O*>(self_->object()) : nullptr;
  }
  template <typename O>
  bool is() const {
    return as<O>() != nullptr;
  }

  friend bool operator==(const Op& a, const Op& b) { return a.self_ == b.self_ || a.self_->equals(*b.self_); }

 private:
  explicit Op(std::shared_ptr<const detail::OpInterface> self) : self_(std::move(self)) {}
  std::shared_ptr<const detail::OpInterface> self_;
};

/// "there is no kernel for bf16", and what to do about it.
std::string no_kernel_text(DType dtype);

/// "swish(beta=1.5)", or just the name.
std::string to_string(const Op& op);

}  // namespace weft

#include "weft/graph/op_model.h"  // IWYU pragma: export
