// An op that lacks one piece, the one that LACKS names: none of these compiles, and run.cmake looks at what
// the compiler says. Without LACKS the op is complete.

#include "weft/graph/op.h"

#define NOTHING 0
#define NAME 1
#define LIST_OF_FIELDS 2
#define TRAITS 3
#define COMPARABLE_FIELD 4
#define SHAPE_RULE 5
#define SHAPE_RULE_RESULT 6
#define KERNEL 7
#define GRADIENT 8
#define GRADIENT_RESULT 9
#define GRADIENT_OF_ALL_OUTPUTS 10
#ifndef LACKS
#define LACKS NOTHING
#endif

namespace weft {

struct Opaque {};

struct Example {
#if LACKS != NAME
  static constexpr std::string_view name = "example";
#endif

#if LACKS == TRAITS
  static constexpr bool traits = true;
#endif

#if LACKS == COMPARABLE_FIELD
  Opaque field;
#else
  double field = 1.0;
#endif
#if LACKS != LIST_OF_FIELDS
  static constexpr auto attributes = weft::attributes(&Example::field);
#endif

#if LACKS == SHAPE_RULE_RESULT
  bool infer(const TensorType& /*x*/) const { return true; }
#elif LACKS == GRADIENT_OF_ALL_OUTPUTS
  std::array<TensorType, 2> infer(const TensorType& x) const { return {x, x}; }
#elif LACKS != SHAPE_RULE
  TensorType infer(const TensorType& x) const { return x; }
#endif

#if LACKS == GRADIENT_OF_ALL_OUTPUTS
  template <std::floating_point T>
  void forward(std::span<const T> /*x*/, std::span<T> /*y*/, std::span<T> /*z*/) const {}
#elif LACKS != KERNEL
  template <std::floating_point T>
  void forward(std::span<const T> /*x*/, std::span<T> /*y*/) const {}
#endif

#if LACKS == GRADIENT_RESULT
  bool gradient(Value /*x*/, Value /*y*/, Value /*dy*/) const { return true; }
#elif LACKS != GRADIENT
  Value gradient(Value /*x*/, Value /*y*/, Value dy) const { return dy; }
#endif
};

Op example() { return Example{}; }

}  // namespace weft
