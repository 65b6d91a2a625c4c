#pragma once
// Losses of classes that are too many to compute all, that lie near each other, or of which some do not
// count. The form is that of losses.h: a loss for each sample.

#include "weft/graph/graph.h"

namespace weft::losses {

/// Labels of which some do not count: with `labels`, which are classes everywhere, and `weights`, 0 where a
/// label is not to count and else 1, the mean of what counts is
///   const Counted counted = ignoring(labels, 255, logits.dtype());
///   reduce(softmax_cross_entropy(logits, counted.labels), {.sample_weights = counted.weights})
/// (Caffe's ignore_label, PyTorch's ignore_index). Labels are integers of any shape. Errors: dtype_mismatch.
struct Counted {
  Value labels;
  Value weights;
};
Counted ignoring(const Operand& labels, std::int64_t ignored, DType dtype = f32);

struct SampledOptions {
  std::int64_t samples = 64;  // drawn classes, the same ones for the whole batch, >= 1
  /// Draws class c with a probability of ln((c + 2) / (c + 1)) / ln(classes + 1) (Zipf's law, for classes in
  /// the order of their frequency), otherwise all with the same.
  bool log_uniform = true;
};
/// Cross-entropy among the label and some drawn classes in place of all classes, for training alone (Jean et
/// al., ACL 2015; TensorFlow's sampled_softmax_loss): weights [classes, features], biases [classes], x
/// [batch, features] and integer labels [batch] give [batch]. Only the rows of the weights that were drawn
/// have gradients. Each logit is lessened by the logarithm of the probability with which its class is drawn;
/// a drawn class that is the label of a sample does not count for it. Errors: shape_mismatch, dtype_mismatch,
/// invalid_argument.
Value sampled_softmax(const Operand& x, const Value& weights, const Value& biases, const Operand& labels,
                      const SampledOptions& options = {});
/// The same classes told apart from the label by a binary cross-entropy each, whose logits are lessened by
/// the logarithm of how often a class is drawn on average (noise-contrastive estimation; Gutmann and
/// Hyvaerinen, AISTATS 2010; Mnih and Teh, ICML 2012; TensorFlow's nce_loss, which leaves classes that are
/// the label in, as this does).
Value noise_contrastive(const Operand& x, const Value& weights, const Value& biases, const Operand& labels,
                        const SampledOptions& options = {});

/// |x - centers[label]|^2 / 2 of features x [batch, features], centers [classes, features] and labels
/// [batch], beside a loss that tells classes apart (Wen et al., ECCV 2016). Centers are a parameter for an
/// optimizer of one's own rate.
Value center(const Operand& x, const Value& centers, const Operand& labels);

}  // namespace weft::losses
