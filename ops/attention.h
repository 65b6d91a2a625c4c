#pragma once
// Attention whose scores are not stored: softmax(scale q k^T) v (Vaswani et al., NIPS 2017) with the
// logarithms of the rows' sums, from which the gradient computes the weights anew, some queries and some keys
// at a time (Dao, FlashAttention-2, ICLR 2024). Inputs are queries q [..., t, d], keys k [..., s, d] and
// values v [..., s, e], f32 or f64, whose leading axes broadcast, and perhaps last a mask, bool, that
// broadcasts to
// [..., t, s] and is true where a query may look at a key. The weights are those of softmax() where the score
// of a key that is ruled out is the lowest number of the dtype: keys and values that are ruled out must be
// finite. A query that may look at nothing gets zeros.

#include <array>
#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

struct AttentionRule {
  double scale = 1.0;   // of the products q k^T
  bool causal = false;  // whether query i looks only at keys j <= i

  friend bool operator==(const AttentionRule&, const AttentionRule&) = default;
};

/// From q, k, v and perhaps a mask: y [..., t, e] and l = ln sum(e^scores) [..., t] over the keys that a
/// query may look at, -inf without such keys. Accuracy in f32: y is within 1e-6 (1 + s) of the largest |v|,
/// where s is the largest sum of |scale q k|, and so is l of 1.
struct Attention : AttentionRule {
  static constexpr std::string_view name = "attention";
  static constexpr auto attributes = weft::attributes(&Attention::scale, &Attention::causal);
  std::array<TensorType, 2> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// From q, k, v, l, dy, c = sum(dy y) - dl over the last axis [..., t], and perhaps a mask: dq, dk and dv
/// with the leading axes of y, by
///   p = e^(scale q k^T - l), dv = p^T dy, ds = p (dy v^T - c), dq = scale ds k, dk = scale ds^T q.
/// Accuracy in f32: within 1e-5 (1 + s) of what the same products and sums of absolute values give, with s as
/// for Attention.
struct AttentionGradient : AttentionRule {
  static constexpr std::string_view name = "attention_gradient";
  static constexpr auto attributes = weft::attributes(&AttentionGradient::scale, &AttentionGradient::causal);
  std::array<TensorType, 3> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct AttentionOf {
  Value y;
  Value log_sum;
};
/// The op on q, k, v and, if it is not empty, a mask. Errors: shape_mismatch, dtype_mismatch.
AttentionOf attention(const Operand& q, const Operand& k, const Operand& v, const AttentionRule& rule,
                      const Value& allowed = {});

// --- for kernels ---

/// Where one head lies among the elements of a mask.
struct MaskPlace {
  std::int64_t first = 0;
  std::int64_t row = 0;     // from a query to the next one; 0 where the mask is the same for all
  std::int64_t column = 0;  // from a key to the next one
};

/// The heads [..., matrices] of an attention, one after the other, and where they find their operands.
class AttentionHeads {
 public:
  /// Of the sizes of q, k, v and l, and of a mask if there is one.
  AttentionHeads(std::vector<std::int64_t> q, std::vector<std::int64_t> k, std::vector<std::int64_t> v,
                 std::vector<std::int64_t> log_sum, std::vector<std::int64_t> mask, bool has_mask);

  std::int64_t heads() const { return heads_; }
  std::int64_t queries() const { return q_.end()[-2]; }
  std::int64_t keys() const { return k_.end()[-2]; }
  std::int64_t features() const { return q_.back(); }
  std::int64_t width() const { return v_.back(); }  // of a value
  bool has_mask() const { return has_mask_; }

  /// Offsets of the first elements.
  std::int64_t q_of(std::int64_t head) const { return matrix(head, q_) * queries() * features(); }
  std::int64_t k_of(std::int64_t head) const { return matrix(head, k_) * keys() * features(); }
  std::int64_t v_of(std::int64_t head) const { return matrix(head, v_) * keys() * width(); }
  MaskPlace mask_of(std::int64_t head) const;

 private:
  std::int64_t matrix(std::int64_t head, const std::vector<std::int64_t>& sizes) const;

  std::vector<std::int64_t> q_;
  std::vector<std::int64_t> k_;
  std::vector<std::int64_t> v_;
  std::vector<std::int64_t> mask_;
  std::vector<std::int64_t> all_;  // leading sizes, and two more
  std::int64_t heads_ = 1;
  bool has_mask_ = false;
};

/// Which inputs of the two ops are what.
inline constexpr std::size_t kAttentionMask = 3;
inline constexpr std::size_t kAttentionGradientMask = 6;

// Compiled once, in attention.cpp.
extern template detail::Model detail::model_of(Attention);
extern template detail::Model detail::model_of(AttentionGradient);

}  // namespace weft
