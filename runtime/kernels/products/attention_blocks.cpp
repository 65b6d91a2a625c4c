#include "weft/runtime/kernels/products/attention_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/machine/cache.h"

namespace weft {

bool AttentionMaskOf::sees_any(std::int64_t query, std::int64_t keys) const {
  const std::int64_t end = keys_before(query + 1, keys);
  if (bits == nullptr || end == 0) return end > 0;
  const bool* row = bits + place.first + query * place.row;
  return std::memchr(row, 1, place.column == 0 ? 1 : static_cast<std::size_t>(end)) != nullptr;
}

template <typename T>
void AttentionMaskOf::rule_out(const ScoreBlock& block, T* scores, T value) const {
  for (std::int64_t i = 0; i < block.rows; ++i, scores += block.columns) {
    const std::int64_t query = block.query + i;
    if (causal) {
      const std::int64_t first = std::clamp<std::int64_t>(query + 1 - block.key, 0, block.columns);
      std::fill(scores + first, scores + block.columns, value);
    }
    if (bits == nullptr) continue;
    const bool* row = bits + place.first + query * place.row + block.key * place.column;
    for (std::int64_t j = 0; j < block.columns; ++j) scores[j] = row[j * place.column] ? scores[j] : value;
  }
}
template void AttentionMaskOf::rule_out(const ScoreBlock&, float*, float) const;
template void AttentionMaskOf::rule_out(const ScoreBlock&, double*, double) const;

AttentionMaskOf AttentionSite::mask_of(std::int64_t head, const KernelBuffers& buffers) const {
  if (!heads.has_mask()) return {.bits = nullptr, .place = {}, .causal = rule.causal};
  return {.bits = reinterpret_cast<const bool*>(buffers.inputs[mask]),
          .place = heads.mask_of(head),
          .causal = rule.causal};
}

AttentionSite attention_site(const KernelSite& site, const AttentionRule& rule, const TensorType& log_sum,
                             std::size_t mask) {
  const bool has_mask = site.inputs.size() > mask;
  return {.rule = rule,
          .heads = {site.inputs[0].shape.sizes(), site.inputs[1].shape.sizes(), site.inputs[2].shape.sizes(),
                    log_sum.shape.sizes(),
                    has_mask ? site.inputs[mask].shape.sizes() : std::vector<std::int64_t>{}, has_mask},
          .mask = mask};
}

Cut attention_cut(const KernelSite& site, std::size_t mask, const Shape& y) {
  Cut cut{.extent = 1, .inputs = std::vector<Portion>(site.inputs.size()), .seamless = true};
  if (y.rank() == 2) return cut;
  cut.extent = y[0].size();
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const bool is_number_of_row = mask == kAttentionGradientMask && (i == 3 || i == 5);
    const std::size_t rank = y.rank() - (is_number_of_row ? 1 : 0);
    const Shape& shape = site.inputs[i].shape;
    cut.inputs[i] = rows_if(shape.rank() == rank && shape[0] == y[0]);
  }
  return cut;
}

Work attention_work(const KernelSite& site, const AttentionSite& at, double products) {
  Work work = work_of(site);
  const auto scores = static_cast<double>(at.heads.heads() * at.heads.queries() * at.heads.keys());
  const double row = static_cast<double>(at.heads.features() + at.heads.width()) / 2.0;
  work.flops = scores * (2.0 * products * row + 10.0) * (at.rule.causal ? 0.5 : 1.0);
  return work;
}

template <>
void BlockRows<float>::add_softmax_block(float* x, float* largest, float* sums, float* factors,
                                         std::size_t rows, std::size_t n) {
  vector_functions().add_softmax_block(x, largest, sums, factors, rows, n);
}
template <>
void BlockRows<float>::shifted_exp(float* x, const float* shifts, std::size_t rows, std::size_t n) {
  vector_functions().shifted_exp(x, shifts, rows, n);
}
template <>
void BlockRows<float>::softmax_slopes(const float* p, float* slopes, const float* means, float scale,
                                      std::size_t rows, std::size_t n) {
  vector_functions().softmax_slopes(p, slopes, means, scale, rows, n);
}

template <>
void BlockRows<double>::add_softmax_block(double* x, double* largest, double* sums, double* factors,
                                          std::size_t rows, std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, x += n) {
    const double before = largest[row];
    largest[row] = std::max(before, *std::max_element(x, x + n));
    factors[row] = std::exp(before - largest[row]);
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) sum += x[j] = std::exp(x[j] - largest[row]);
    sums[row] = sums[row] * factors[row] + sum;
  }
}
template <>
void BlockRows<double>::shifted_exp(double* x, const double* shifts, std::size_t rows, std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, x += n) {
    for (std::size_t j = 0; j < n; ++j) x[j] = std::exp(x[j] - shifts[row]);
  }
}
template <>
void BlockRows<double>::softmax_slopes(const double* p, double* slopes, const double* means, double scale,
                                       std::size_t rows, std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, p += n, slopes += n) {
    for (std::size_t j = 0; j < n; ++j) slopes[j] = p[j] * scale * (slopes[j] - means[row]);
  }
}

template <typename T>
T* ScratchParts::take(std::int64_t elements) {
  const std::size_t at = used_;
  used_ += whole_lines(static_cast<std::size_t>(elements) * sizeof(T));
  return start_ == nullptr ? nullptr : reinterpret_cast<T*>(start_ + at);
}
template float* ScratchParts::take(std::int64_t);
template double* ScratchParts::take(std::int64_t);

}  // namespace weft
