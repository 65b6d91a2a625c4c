#include "weft/runtime/kernels/products/product.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {
namespace {

/// How many columns a shard's range counts as one: cache lines of the result where its width allows.
std::int64_t columns_in_unit(const Product& product) {
  constexpr std::int64_t kMost = 16;
  return std::gcd(product.width, kMost);
}

bool is_batch(const Product& product) { return !product.c_sizes.empty(); }

/// How many matrices one element of the result's first axis holds.
std::int64_t matrices_in_row(const Product& product) {
  std::int64_t matrices = 1;
  for (std::size_t axis = 1; axis + 2 < product.c_sizes.size(); ++axis) matrices *= product.c_sizes[axis];
  return matrices;
}

Shard shard_of(const Product& product, const TensorType& output, Range range) {
  if (product.column_blocks > 1) return {.matrices = range, .rows = product.sizes.m};
  if (is_batch(product)) {
    const std::int64_t matrices = matrices_in_row(product);
    return {.matrices = {.begin = range.begin * matrices, .end = range.end * matrices},
            .rows = product.sizes.m};
  }
  if (product.by_columns) {
    const std::int64_t begin = range.begin * columns_in_unit(product);
    return {.rows = product.sizes.m,
            .b_offset = begin * (product.op.transpose_b ? product.sizes.k : 1),
            .bias_offset = begin,
            .c_offset = begin};
  }
  const std::int64_t height = row_count(output);
  const std::int64_t scale = height == 0 ? 0 : product.sizes.m / height;
  const std::int64_t begin = range.begin * scale;
  return {.rows = (range.end - range.begin) * scale,
          .a_offset = product.op.transpose_a ? begin : begin * product.sizes.k,
          .c_offset = begin * product.width};
}

/// Where matrix or column block number `matrix` begins.
struct Offsets {
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t bias = 0;
  std::int64_t c = 0;
};

Offsets offsets_of(const Product& product, std::int64_t matrix) {
  const auto [m, n, k] = product.sizes;
  if (product.column_blocks > 1) {
    const std::int64_t columns = matrix * n;
    return product.accumulate ? Offsets{.b = columns * k, .c = columns}
                              : Offsets{.b = columns, .bias = columns, .c = columns * m};
  }
  if (!is_batch(product)) return {};
  return {.a = broadcast_matrix(matrix, product.c_sizes, product.a_sizes) * m * k,
          .b = broadcast_matrix(matrix, product.c_sizes, product.b_sizes) * k * n,
          .c = matrix * m * n};
}

Cut column_block_cut_of(const Product& product, const KernelSite& site) {
  Cut cut = cut_by_column_blocks(product.column_blocks, site);
  if (product.accumulate) {
    cut.inputs[0] = cut.outputs = Portion::columns;
    cut.inputs[product.first + 1] = Portion::rows;
  } else {
    cut.inputs[product.first + 1] = Portion::columns;
    if (product.bias) cut.inputs.back() = Portion::rows;
  }
  return cut;
}

Cut column_cut_of(const Product& product, const KernelSite& site) {
  Cut cut = cut_by_column_blocks(product.width / columns_in_unit(product), site);
  cut.seamless = false;
  cut.outputs = Portion::columns;
  cut.inputs[product.first + 1] = product.op.transpose_b ? Portion::whole : Portion::columns;
  if (product.accumulate) cut.inputs[0] = Portion::columns;
  if (product.bias) cut.inputs.back() = Portion::rows;
  return cut;
}

Cut cut_of(const Product& product, const KernelSite& site) {
  if (product.by_columns) return column_cut_of(product, site);
  if (product.column_blocks > 1) return column_block_cut_of(product, site);
  Cut cut{.extent = row_count(site.outputs[0]), .inputs = std::vector<Portion>(site.inputs.size())};
  if (is_batch(product)) {
    const auto by_rows = [&](const std::vector<std::int64_t>& sizes) {
      return sizes.size() == product.c_sizes.size() && sizes[0] == product.c_sizes[0];
    };
    cut.inputs[product.first] = rows_if(by_rows(product.a_sizes));
    cut.inputs[product.first + 1] = rows_if(by_rows(product.b_sizes));
  } else {
    cut.inputs[product.first] = rows_if(!product.op.transpose_a);
  }
  if (product.accumulate) cut.inputs[0] = Portion::rows;
  return cut;
}

}  // namespace

bool is_long_row(const Product& product) {
  constexpr std::int64_t kLeastWork = 1 << 19;  // elements of b, which are read in 20 us
  const auto [m, n, k] = product.sizes;
  return product.is_single() && m == 1 && n > 1 && k * n >= kLeastWork;
}

bool can_finish_matmul(const Op& op) { return after_of({op}).has_value(); }

std::optional<Product> product_of(const KernelSite& site, std::optional<DType> operands) {
  const auto formula = formula_of(site.op);
  if (!formula || !formula->is_dense() || formula->terms > 1 || formula->packed.is_packed())
    return std::nullopt;
  const auto after = after_of(formula->activation);
  const bool accumulates = formula->addend == Addend::accumulator;
  if (!after || (formula->alpha != 1.0 && !accumulates)) return std::nullopt;
  Product product{.op = formula->product,
                  .sizes = {},
                  .bias = formula->addend == Addend::bias,
                  .after = *after,
                  .accumulate = accumulates,
                  .alpha = formula->alpha,
                  .first = formula->a(),
                  .column_blocks = formula->column_blocks};
  const DType dtype = operands.value_or(site.outputs[0].dtype);
  if (site.inputs[product.first].dtype != dtype || site.inputs[product.first + 1].dtype != dtype)
    return std::nullopt;
  const auto a = site.inputs[product.first].shape.sizes();
  const auto b = site.inputs[product.first + 1].shape.sizes();
  product.sizes = matmul_sizes(product.op, a, b);
  product.width = product.sizes.n;
  if (product.column_blocks > 1) {
    if (!product.accumulate) product.sizes.n /= product.column_blocks;
    product.width = product.sizes.n;
    return product;
  }
  // A batch on the left with one matrix on the right is one tall product.
  if (a.size() > 2 && b.size() == 2 && !product.op.transpose_a) {
    for (std::size_t axis = 0; axis + 2 < a.size(); ++axis) product.sizes.m *= a[axis];
  } else if (a.size() > 2 || b.size() > 2) {
    product.a_sizes = a;
    product.b_sizes = b;
    product.c_sizes = site.outputs[0].shape.sizes();
  }
  return product;
}

template <typename T, typename In>
Operands<T, In> operands_of(const Product& product, const Shard& shard, std::int64_t matrix,
                            const KernelBuffers& buffers) {
  const Offsets at = offsets_of(product, matrix);
  const auto c = static_cast<std::size_t>(at.c + shard.c_offset) * sizeof(T);
  if (product.accumulate && buffers.inputs[0] != buffers.outputs[0]) {
    const auto row = static_cast<std::size_t>(product.sizes.n) * sizeof(T);
    const auto stride = static_cast<std::size_t>(product.ldc()) * sizeof(T);
    for (std::size_t from = c; row > 0 && from < c + static_cast<std::size_t>(shard.rows) * stride;
         from += stride)
      std::memcpy(buffers.outputs[0] + from, buffers.inputs[0] + from, row);
  }
  return {.a = reinterpret_cast<const In*>(buffers.inputs[product.first]) + at.a + shard.a_offset,
          .b = reinterpret_cast<const In*>(buffers.inputs[product.first + 1]) + at.b + shard.b_offset,
          .bias = product.bias ? reinterpret_cast<const T*>(buffers.inputs[2]) + at.bias + shard.bias_offset
                               : nullptr,
          .c = reinterpret_cast<T*>(buffers.outputs[0] + c)};
}
template Operands<float> operands_of(const Product&, const Shard&, std::int64_t, const KernelBuffers&);
template Operands<float, BFloat16> operands_of(const Product&, const Shard&, std::int64_t,
                                               const KernelBuffers&);
template Operands<double> operands_of(const Product&, const Shard&, std::int64_t, const KernelBuffers&);

KernelChoice product_choice(const KernelSite& site, const Product& product,
                            std::function<std::unique_ptr<Kernel>(const Product&, const Shard&)> make) {
  KernelChoice choice;
  choice.cut = cut_of(product, site);
  choice.work = work_of(site);
  const auto elements = static_cast<double>(site.outputs[0].shape.elements());
  choice.work.flops = 2.0 * elements * static_cast<double>(product.sizes.k);
  if (product.accumulate) choice.in_place = {{.output = 0, .input = 0}};
  choice.make = [product, output = site.outputs[0], make = std::move(make)](Range range) {
    Product own = product;
    if (product.by_columns) own.sizes.n = (range.end - range.begin) * columns_in_unit(product);
    return make(own, shard_of(product, output, range));
  };
  return choice;
}

}  // namespace weft
