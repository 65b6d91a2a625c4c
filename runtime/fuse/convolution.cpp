#include <algorithm>
#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/kernels/images/conv_spec.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {
namespace {

/// A convolution that may still take a bias or an activation, and its operands.
struct OpenConvolution {
  Convolution convolution;
  std::vector<Value> operands;  // x, w and, if there is one, the bias
};

std::optional<OpenConvolution> open_convolution(const Value& value) {
  const Node& node = producer(value);
  const auto convolution = plain_convolution(node.op);
  if (!convolution || convolution->activation.op || value.dtype() != DType::f32) return std::nullopt;
  if (!node.op.is<Conv2d>() && !node.op.is<Conv3d>() && !node.op.is<FusedConvolution>()) return std::nullopt;
  return OpenConvolution{*convolution, operands(value)};
}

/// A value as one number for each channel of pictures of `shape`; nothing where it is of another form.
std::optional<Value> by_channel(const Value& value, const Shape& shape) {
  const Shape& own = value.shape();
  const std::size_t spatial = shape.rank() - 2;
  if (own.rank() <= spatial || own.rank() > shape.rank() || own.elements() != shape[1].size())
    return std::nullopt;
  if (!(own[own.rank() - spatial - 1] == shape[1])) return std::nullopt;
  return reshape(value, Shape{shape[1]});
}

Value emit_convolution(Graph& target, const OpenConvolution& open, const Node& node) {
  return emit(target, FusedConvolution{open.convolution}, open.operands, node);
}

/// y + b or y - b
std::optional<Value> shifted_convolution(Graph& target, const Node& node, const Value& y, const Value& b,
                                         bool adds) {
  auto open = open_convolution(y);
  const auto shift = open ? by_channel(b, y.shape()) : std::nullopt;
  if (!shift) return std::nullopt;
  if (open->convolution.bias) {
    open->operands[2] = adds ? open->operands[2] + *shift : open->operands[2] - *shift;
  } else {
    open->convolution.bias = true;
    open->operands.push_back(adds ? *shift : -*shift);
  }
  return emit_convolution(target, *open, node);
}

/// y * s or y / s: the filters of channel c are scaled by s[c].
std::optional<Value> scaled_convolution(Graph& target, const Node& node, const Value& y, const Value& s,
                                        bool multiplies) {
  auto open = open_convolution(y);
  const auto scale = open ? by_channel(s, y.shape()) : std::nullopt;
  if (!scale) return std::nullopt;
  std::vector<Dim> aligned(y.shape().rank(), Dim(1));
  aligned[0] = y.shape()[1];
  const auto scaled = [&](const Value& value, const Value& by) {
    return multiplies ? value * by : value / by;
  };
  open->operands[1] = scaled(open->operands[1], reshape(*scale, Shape(aligned)));
  if (open->convolution.bias) open->operands[2] = scaled(open->operands[2], *scale);
  return emit_convolution(target, *open, node);
}

std::optional<Value> activated_convolution(Graph& target, const Node& node, const Value& y) {
  auto open = open_convolution(y);
  if (!open) return std::nullopt;
  open->convolution.activation.op = node.op;
  return emit_convolution(target, *open, node);
}

}  // namespace

Pass fuse_convolution() {
  return {"fuse_convolution", [](const Program& program) {
            const std::vector<int> uses = count_uses(program);
            const auto fused_node = [&](Graph& target, const Node& node,
                                        std::span<const Value> inputs) -> std::optional<Value> {
              const auto is_alone = [&](std::size_t i) {
                return uses[node.inputs[i].node] == 1 && inputs[i].shape() == node.outputs[0].shape;
              };
              const bool adds = node.op.is<Add>();
              const bool multiplies = node.op.is<Mul>();
              if (adds || node.op.is<Sub>()) {
                auto made = is_alone(0) ? shifted_convolution(target, node, inputs[0], inputs[1], adds)
                                        : std::nullopt;
                if (!made && adds && is_alone(1))
                  made = shifted_convolution(target, node, inputs[1], inputs[0], true);
                return made;
              }
              if (multiplies || node.op.is<Div>()) {
                auto made = is_alone(0) ? scaled_convolution(target, node, inputs[0], inputs[1], multiplies)
                                        : std::nullopt;
                if (!made && multiplies && is_alone(1))
                  made = scaled_convolution(target, node, inputs[1], inputs[0], true);
                return made;
              }
              if (can_finish_convolution(node.op) && is_alone(0))
                return activated_convolution(target, node, inputs[0]);
              return std::nullopt;
            };
            Program fused = rewrite(*program.graph, program.roots,
                                    [&](Graph& target, const Node& node, std::span<const Value> inputs) {
                                      const auto made = fused_node(target, node, inputs);
                                      return made ? std::vector<Value>{*made} : std::vector<Value>{};
                                    });
            return extract(*fused.graph, fused.roots);
          }};
}

}  // namespace weft
