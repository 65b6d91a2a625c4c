#include "weft/runtime/machine/onednn.h"

#include <fmt/format.h>

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>

#include "weft/graph/error.h"
#include "weft/runtime/machine/onednn_order.h"

// Debian's oneDNN is built on GNU OpenMP; these two belong to every OpenMP runtime.
extern "C" {
void omp_set_num_threads(int count);
int omp_get_max_threads();
}

namespace weft {
namespace {

using dnnl::memory;

memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed, std::int64_t stride,
                    memory::data_type type = memory::data_type::f32) {
  const memory::dims strides = transposed ? memory::dims{1, stride} : memory::dims{stride, 1};
  return {{rows, columns}, type, strides};
}

dnnl::primitive_attr attributes_of(const OneDnnMatMulSpec& spec) {
  dnnl::post_ops post;
  dnnl::primitive_attr attributes;
  if (spec.accumulate) {
    post.append_sum(1.0F);
#if DNNL_VERSION_MAJOR < 3
    attributes.set_output_scales(0, {spec.alpha});
#else
    // 3.x scales by a run-time argument; a linear post-op before the sum is the same and needs none.
    post = dnnl::post_ops();
    post.append_eltwise(dnnl::algorithm::eltwise_linear, spec.alpha, 0.0F);
    post.append_sum(1.0F);
#endif
  }
  attributes.set_post_ops(post);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::matmul::primitive_desc describe(const OneDnnMatMulSpec& spec, const memory::desc& b,
                                      const dnnl::engine& engine) {
  const auto type = spec.bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  const auto a = matrix(spec.m, spec.k, spec.transpose_a, spec.lda, type);
  const auto c = matrix(spec.m, spec.n, false, spec.ldc);
  const auto attributes = attributes_of(spec);
  const auto bias = matrix(1, spec.n, false, spec.n);
#if DNNL_VERSION_MAJOR < 3
  const auto desc = spec.bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
  return {desc, attributes, engine};
#else
  return spec.bias ? dnnl::matmul::primitive_desc(engine, a, b, bias, c, attributes)
                   : dnnl::matmul::primitive_desc(engine, a, b, c, attributes);
#endif
}

/// The product with b in the order that oneDNN likes best.
dnnl::matmul::primitive_desc describe_packed(OneDnnMatMulSpec spec, const dnnl::engine& engine) {
  spec.accumulate = false;
  spec.bias = false;
  return describe(spec, {{spec.k, spec.n}, memory::data_type::f32, memory::format_tag::any}, engine);
}

dnnl::matmul::primitive_desc describe(const OneDnnMatMulSpec& spec, const dnnl::engine& engine) {
  if (spec.packed_for > 0) {
    OneDnnMatMulSpec whole = spec;
    whole.m = spec.packed_for;
    return describe(spec, describe_packed(whole, engine).weights_desc(), engine);
  }
  const auto type = spec.bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  return describe(spec, matrix(spec.k, spec.n, spec.transpose_b, spec.ldb, type), engine);
}

bool calls_gemm(const dnnl::matmul::primitive_desc& description) {
  return std::string_view(description.impl_info_str()).starts_with("gemm");
}

}  // namespace

struct OneDnnMatMul::Primitive {
  explicit Primitive(const OneDnnMatMulSpec& spec)
      : engine(dnnl::engine::kind::cpu, 0),
        stream(engine),
        description(describe(spec, engine)),
        matmul(description),
        a(description.src_desc(), engine, nullptr),
        b(description.weights_desc(), engine, nullptr),
        c(description.dst_desc(), engine, nullptr),
        scratch(description.scratchpad_desc(), engine, nullptr),
        arguments{{{DNNL_ARG_SRC, a.get()},
                   {DNNL_ARG_WEIGHTS, b.get()},
                   {DNNL_ARG_DST, c.get()},
                   {DNNL_ARG_SCRATCHPAD, scratch.get()},
                   {DNNL_ARG_BIAS, nullptr}}},
        argument_count(spec.bias ? 5 : 4) {
    if (spec.bias) {
      bias = memory(matrix(1, spec.n, false, spec.n), engine, nullptr);
      arguments[4].memory = bias.get();
    }
  }

  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::matmul::primitive_desc description;
  dnnl::matmul matmul;
  memory a, b, c, scratch, bias;
  std::array<dnnl_exec_arg_t, 5> arguments;
  int argument_count;
};

OneDnnMatMul::OneDnnMatMul(const OneDnnMatMulSpec& spec) {
  // A primitive is planned for the threads that oneDNN sees when it is made.
  const OneDnnSingleThread single;
  try {
    primitive_ = std::make_unique<Primitive>(spec);
  } catch (const dnnl::error& error) {
    throw Error(ErrorCode::unsupported,
                fmt::format("oneDNN refuses a {}x{}x{} matmul: {}", spec.m, spec.k, spec.n, error.message));
  }
}

OneDnnMatMul::~OneDnnMatMul() = default;
OneDnnMatMul::OneDnnMatMul(OneDnnMatMul&&) noexcept = default;
OneDnnMatMul& OneDnnMatMul::operator=(OneDnnMatMul&&) noexcept = default;

std::size_t OneDnnMatMul::scratch_bytes() const {
  return primitive_->description.scratchpad_desc().get_size();
}

void OneDnnMatMul::run(const void* a, const void* b, const float* bias, float* c, void* scratch) {
  Primitive& p = *primitive_;
  // oneDNN takes all handles as mutable; it writes to c and scratch only.
  p.a.set_data_handle(const_cast<void*>(a));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  p.b.set_data_handle(const_cast<void*>(b));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  p.c.set_data_handle(c);
  p.scratch.set_data_handle(scratch);
  if (bias != nullptr) {
    p.bias.set_data_handle(const_cast<float*>(bias));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  }
  const dnnl_status_t status =
      dnnl_primitive_execute(p.matmul.get(), p.stream.get(), p.argument_count, p.arguments.data());
  if (status != dnnl_success)
    throw Error(ErrorCode::internal, fmt::format("oneDNN failed with status {}", static_cast<int>(status)));
}

std::optional<WeightOrder> packed_matrix(const OneDnnMatMulSpec& spec) {
  const OneDnnSingleThread single;
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const auto description = describe_packed(spec, engine);
    const bool is_own = std::string_view(description.impl_info_str()).starts_with("brg");
    return is_own ? order_of(description.weights_desc()) : std::nullopt;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

bool onednn_can_multiply(const OneDnnMatMulSpec& spec) {
  const OneDnnSingleThread single;
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return !calls_gemm(describe(spec, engine));
  } catch (const dnnl::error&) {
    return false;
  }
}

bool onednn_matmul_calls_gemm(const OneDnnMatMulSpec& spec) {
  const OneDnnSingleThread single;
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return calls_gemm(describe(spec, engine));
  } catch (const dnnl::error&) {
    return false;
  }
}

bool onednn_multiplies_bf16() {
  static const bool found = [] {
    constexpr std::int64_t kSide = 64;
    const OneDnnMatMulSpec spec{
        .m = kSide, .n = kSide, .k = kSide, .lda = kSide, .ldb = kSide, .ldc = kSide, .bf16 = true};
    try {
      const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
      return std::string_view(describe(spec, engine).impl_info_str()).find("bf16") != std::string_view::npos;
    } catch (const dnnl::error&) {
      return false;
    }
  }();
  return found;
}

bool onednn_gemm_moves_stack(const OneDnnMatMulSpec& spec) {
  // The bound is lower than any of oneDNN's. A shield that was not needed costs two system calls.
  constexpr std::int64_t kShort = 32;
  return spec.m > 1 && spec.n > 1 && spec.k > kShort;
}

void onednn_gemm(const OneDnnMatMulSpec& spec, const float* a, const float* b, float* c) {
  const dnnl_status_t status = dnnl_sgemm(spec.transpose_a ? 'T' : 'N', spec.transpose_b ? 'T' : 'N', spec.m,
                                          spec.n, spec.k, spec.accumulate ? spec.alpha : 1.0F, a, spec.lda, b,
                                          spec.ldb, spec.accumulate ? 1.0F : 0.0F, c, spec.ldc);
  if (status != dnnl_success)
    throw Error(ErrorCode::internal, fmt::format("oneDNN failed with status {}", static_cast<int>(status)));
}

OneDnnSingleThread::OneDnnSingleThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
OneDnnSingleThread::~OneDnnSingleThread() { omp_set_num_threads(before_); }

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace weft
