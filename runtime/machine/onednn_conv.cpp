#include "weft/runtime/machine/onednn_conv.h"

#include <fmt/format.h>

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <vector>

#include "weft/graph/error.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/machine/onednn_order.h"

namespace weft {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

constexpr auto kF32 = memory::data_type::f32;

struct Layouts {
  memory::desc x, w, y;
};

/// `first`, and the sizes along the axes that the kernel slides along.
memory::dims with_axes(const OneDnnConvSpec& spec, memory::dims first, const ConvSizes::Triple& sizes) {
  first.insert(first.end(), sizes.end() - static_cast<std::ptrdiff_t>(spec.sizes.axes), sizes.end());
  return first;
}

memory::dims weight_sizes(const OneDnnConvSpec& spec) {
  const ConvSizes& s = spec.sizes;
  if (s.groups == 1) return with_axes(spec, {s.filters, s.channels}, s.kernel);
  return with_axes(spec, {s.groups, s.filters / s.groups, s.channels / s.groups}, s.kernel);
}
memory::dims x_sizes(const OneDnnConvSpec& spec) {
  return with_axes(spec, {spec.sizes.batch, spec.sizes.channels}, spec.sizes.x);
}
memory::dims y_sizes(const OneDnnConvSpec& spec) {
  return with_axes(spec, {spec.sizes.batch, spec.sizes.filters}, spec.sizes.y);
}

/// Pictures of `sizes` whose channels are some of the `channels` that lie side by side.
memory::desc pictures(const OneDnnConvSpec& spec, const memory::dims& sizes, std::int64_t channels) {
  memory::dims strides(sizes.size());
  std::int64_t next = spec.channels_last ? channels : 1;
  for (std::size_t axis = sizes.size(); axis-- > 2; next *= sizes[axis]) strides[axis] = next;
  strides[1] = spec.channels_last ? 1 : next;
  strides[0] = spec.channels_last ? next : next * channels;
  return {sizes, kF32, strides};
}

/// How the caller's tensors lie in memory.
Layouts plain_layouts(const OneDnnConvSpec& spec) {
  const ConvSizes& s = spec.sizes;
  const bool grouped = s.groups != 1;
  const Tag weights = s.axes == 2 ? (grouped ? Tag::goihw : Tag::oihw) : grouped ? Tag::goidhw : Tag::oidhw;
  return {.x = pictures(spec, x_sizes(spec), spec.x_channels),
          .w = {weight_sizes(spec), kF32, weights},
          .y = pictures(spec, y_sizes(spec), spec.y_filters)};
}

/// Whether oneDNN is to compute in the plain layouts, by a matrix product for each picture. Its kernels with
/// channels innermost are faster, even with reorders, except in two cases: where input or output pictures
/// have fewer channels than a vector has lanes, and where a 1x1 kernel makes the convolution a single
/// product.
bool computes_plain(const OneDnnConvSpec& spec) {
  constexpr std::int64_t kFewChannels = 4;
  if (spec.channels_last || spec.kind == ConvKind::weight_gradient) return false;
  return spec.sizes.channels < kFewChannels || spec.sizes.taps() == 1;
}

/// The layouts that oneDNN is asked to compute in.
Layouts wanted_layouts(const OneDnnConvSpec& spec) {
  if (computes_plain(spec)) return plain_layouts(spec);
  const Tag channels_last = spec.sizes.axes == 2 ? Tag::nhwc : Tag::ndhwc;
  return {.x = {x_sizes(spec), kF32, channels_last},
          .w = {weight_sizes(spec), kF32, Tag::any},
          .y = {y_sizes(spec), kF32, channels_last}};
}

/// An empty description where there is none.
memory::desc bias_layout(const OneDnnConvSpec& spec) {
  return spec.bias ? memory::desc({spec.sizes.filters}, kF32, Tag::x) : memory::desc();
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

/// A primitive of one of the three kinds, and the layouts in which it wants its operands.
struct Described {
  dnnl::primitive primitive;
  Layouts layouts;
  memory::desc scratchpad;
  bool calls_gemm = false;
};

template <typename Description>
bool calls_gemm(const Description& description) {
  return std::string_view(description.impl_info_str()).starts_with("gemm");
}

template <typename Description, typename... Hint>
Description describe(const OneDnnConvSpec& spec, const dnnl::engine& engine, const Hint&... hint) {
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  const auto [x, w, y] = wanted_layouts(spec);
  const ConvSizes& s = spec.sizes;
  const memory::dims strides = with_axes(spec, {}, s.stride);
  const memory::dims gaps = with_axes(spec, {}, {s.dilation[0] - 1, s.dilation[1] - 1, s.dilation[2] - 1});
  const memory::dims before = with_axes(spec, {}, s.before);
  const memory::dims after = with_axes(spec, {}, s.after);
  const memory::desc bias = bias_layout(spec);
#if DNNL_VERSION_MAJOR < 3
  if constexpr (sizeof...(hint) == 0) {
    const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_training, kDirect, x, w, bias, y,
                                               strides, gaps, before, after);
    return {desc, user_scratchpad(), engine};
  } else if constexpr (std::is_same_v<Description, dnnl::convolution_backward_data::primitive_desc>) {
    const dnnl::convolution_backward_data::desc desc(kDirect, x, w, y, strides, gaps, before, after);
    return {desc, user_scratchpad(), engine, hint...};
  } else {
    const dnnl::convolution_backward_weights::desc desc(kDirect, x, w, y, strides, gaps, before, after);
    return {desc, user_scratchpad(), engine, hint...};
  }
#else
  if constexpr (sizeof...(hint) == 0) {
    return {engine,  dnnl::prop_kind::forward_training,
            kDirect, x,
            w,       bias,
            y,       strides,
            gaps,    before,
            after,   user_scratchpad()};
  } else {
    return {engine, kDirect, x, w, y, strides, gaps, before, after, hint..., user_scratchpad()};
  }
#endif
}

Described describe(const OneDnnConvSpec& spec, const dnnl::engine& engine) {
  using Forward = dnnl::convolution_forward;
  using Input = dnnl::convolution_backward_data;
  using Weight = dnnl::convolution_backward_weights;
  const auto forward = describe<Forward::primitive_desc>(spec, engine);
  if (spec.kind == ConvKind::forward) {
    return {.primitive = Forward(forward),
            .layouts = {forward.src_desc(), forward.weights_desc(), forward.dst_desc()},
            .scratchpad = forward.scratchpad_desc(),
            .calls_gemm = calls_gemm(forward)};
  }
  if (spec.kind == ConvKind::input_gradient) {
    const auto input = describe<Input::primitive_desc>(spec, engine, forward);
    return {.primitive = Input(input),
            .layouts = {input.diff_src_desc(), input.weights_desc(), input.diff_dst_desc()},
            .scratchpad = input.scratchpad_desc(),
            .calls_gemm = calls_gemm(input)};
  }
  const auto weight = describe<Weight::primitive_desc>(spec, engine, forward);
  return {.primitive = Weight(weight),
          .layouts = {weight.src_desc(), weight.diff_weights_desc(), weight.diff_dst_desc()},
          .scratchpad = weight.scratchpad_desc(),
          .calls_gemm = calls_gemm(weight)};
}

/// The weights of the spec as the primitive for all pictures that they were packed for reads them.
memory::desc packed_weights(OneDnnConvSpec spec, const dnnl::engine& engine) {
  spec.sizes.batch = spec.packed_for;
  return describe(spec, engine).layouts.w;
}

/// An operand in the caller's layout, and in the primitive's.
struct Slot {
  memory outer;
  memory inner;
  bool moves = false;      // whether the two differ
  std::size_t offset = 0;  // of `inner` in the scratch memory, if so
};

/// One primitive with its arguments, the last of which is its scratchpad.
struct Step {
  dnnl::primitive primitive;
  memory scratchpad;
  std::array<dnnl_exec_arg_t, 5> arguments{};
  int count = 0;
};

/// The primitive's argument names for the op's two inputs and its output.
std::array<int, 3> argument_names(ConvKind kind) {
  switch (kind) {
    case ConvKind::forward:
      return {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    case ConvKind::input_gradient:
      return {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC};
    case ConvKind::weight_gradient:
      return {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS};
  }
  return {};
}

/// The layouts of the op's two inputs and its output.
std::array<memory::desc, 3> in_order(ConvKind kind, const Layouts& layouts) {
  switch (kind) {
    case ConvKind::forward:
      return {layouts.x, layouts.w, layouts.y};
    case ConvKind::input_gradient:
      return {layouts.y, layouts.w, layouts.x};
    case ConvKind::weight_gradient:
      return {layouts.x, layouts.y, layouts.w};
  }
  return {};
}

}  // namespace

struct OneDnnConv::Primitive {
  explicit Primitive(const OneDnnConvSpec& spec) : engine(dnnl::engine::kind::cpu, 0), stream(engine) {
    const Described described = describe(spec, engine);
    calls_gemm = described.calls_gemm;
    auto outer = in_order(spec.kind, plain_layouts(spec));
    if (spec.packed_for > 0) outer[1] = packed_weights(spec, engine);
    const auto inner = in_order(spec.kind, described.layouts);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Slot& slot = slots[i];
      slot.outer = memory(outer[i], engine, nullptr);
      slot.inner = memory(inner[i], engine, nullptr);
      slot.moves = outer[i] != inner[i];
      slot.offset = scratch_bytes;
      if (slot.moves) scratch_bytes += whole_lines(inner[i].get_size());
    }
    for (const std::size_t input : {0, 1}) {
      if (slots[input].moves) add_reorder(slots[input].outer, slots[input].inner);
    }
    const auto names = argument_names(spec.kind);
    Step& main = add_step(described.primitive, described.scratchpad);
    for (std::size_t i = 0; i < slots.size(); ++i) add_argument(main, names[i], slots[i].inner);
    add_argument(main, DNNL_ARG_SCRATCHPAD, main.scratchpad);
    if (spec.bias) {
      bias = memory(bias_layout(spec), engine, nullptr);
      add_argument(main, DNNL_ARG_BIAS, bias);
    }
    if (slots[2].moves) add_reorder(slots[2].inner, slots[2].outer);
    scratchpad_offset = scratch_bytes;
    scratch_bytes += scratchpad_bytes;
  }

  Step& add_step(const dnnl::primitive& primitive, const memory::desc& scratchpad) {
    scratchpad_bytes = std::max(scratchpad_bytes, scratchpad.get_size());
    return steps.emplace_back(
        Step{.primitive = primitive, .scratchpad = memory(scratchpad, engine, nullptr)});
  }
  static void add_argument(Step& step, int name, const memory& argument) {
    step.arguments[static_cast<std::size_t>(step.count++)] = {name, argument.get()};
  }
  void add_reorder(const memory& from, const memory& to) {
    const dnnl::reorder::primitive_desc description(from, to, user_scratchpad());
    Step& step = add_step(dnnl::reorder(description), description.scratchpad_desc());
    add_argument(step, DNNL_ARG_FROM, from);
    add_argument(step, DNNL_ARG_TO, to);
    add_argument(step, DNNL_ARG_SCRATCHPAD, step.scratchpad);
  }

  dnnl::engine engine;
  dnnl::stream stream;
  std::array<Slot, 3> slots;
  memory bias;  // empty where there is none
  std::vector<Step> steps;
  std::size_t scratch_bytes = 0;
  std::size_t scratchpad_offset = 0;  // shared by all steps
  std::size_t scratchpad_bytes = 0;
  bool calls_gemm = false;
};

std::optional<WeightOrder> packed_filters(const OneDnnConvSpec& spec) {
  const OneDnnSingleThread single;
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const memory::desc wanted = describe(spec, engine).layouts.w;
    return wanted == plain_layouts(spec).w ? std::nullopt : order_of(wanted);
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

OneDnnConv::OneDnnConv(const OneDnnConvSpec& spec) {
  // A primitive is planned for the threads that oneDNN sees when it is made.
  const OneDnnSingleThread single;
  try {
    primitive_ = std::make_unique<Primitive>(spec);
  } catch (const dnnl::error& error) {
    throw Error(ErrorCode::unsupported, fmt::format("oneDNN refuses a convolution: {}", error.message));
  }
}

OneDnnConv::~OneDnnConv() = default;
OneDnnConv::OneDnnConv(OneDnnConv&&) noexcept = default;
OneDnnConv& OneDnnConv::operator=(OneDnnConv&&) noexcept = default;

std::size_t OneDnnConv::scratch_bytes() const { return primitive_->scratch_bytes; }
bool OneDnnConv::calls_gemm() const { return primitive_->calls_gemm; }

void OneDnnConv::run(const float* a, const float* b, const float* bias, float* result, std::byte* scratch) {
  Primitive& p = *primitive_;
  // oneDNN takes all handles as mutable; it writes to the result and to scratch memory only.
  const std::array<float*, 3> handles{const_cast<float*>(a),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
                                      const_cast<float*>(b),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
                                      result};
  for (std::size_t i = 0; i < handles.size(); ++i) {
    Slot& slot = p.slots[i];
    slot.outer.set_data_handle(handles[i]);
    slot.inner.set_data_handle(slot.moves ? static_cast<void*>(scratch + slot.offset) : handles[i]);
  }
  if (p.bias)
    p.bias.set_data_handle(const_cast<float*>(bias));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  for (Step& step : p.steps) {
    step.scratchpad.set_data_handle(scratch + p.scratchpad_offset);
    const dnnl_status_t status =
        dnnl_primitive_execute(step.primitive.get(), p.stream.get(), step.count, step.arguments.data());
    if (status != dnnl_success)
      throw Error(ErrorCode::internal, fmt::format("oneDNN failed with status {}", static_cast<int>(status)));
  }
}

}  // namespace weft
