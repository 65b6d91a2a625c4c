#include "weft/runtime/kernels/products/epilogue.h"

#include "weft/ops/activation.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {

std::optional<After> after_of(const Epilogue& epilogue) {
  if (!epilogue.op) return After::nothing;
  if (epilogue.op->is<Relu>()) return After::relu;
  if (epilogue.op->is<Tanh>()) return After::tanh;
  if (epilogue.op->is<Sigmoid>()) return After::sigmoid;
  return std::nullopt;
}

void finish(After after, float* c, std::size_t count) {
  if (after == After::relu) vector_functions().relu(c, c, count);
  if (after == After::tanh) vector_functions().tanh(c, c, count);
  if (after == After::sigmoid) vector_functions().sigmoid(c, c, count);
}

void finish(After after, double* c, std::size_t count) {
  const std::span<const double> x(c, count);
  const std::span<double> y(c, count);
  if (after == After::relu) Relu{}.forward<double>(x, y);
  if (after == After::tanh) Tanh{}.forward<double>(x, y);
  if (after == After::sigmoid) Sigmoid{}.forward<double>(x, y);
}

}  // namespace weft
