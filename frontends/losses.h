#pragma once
// Losses. Each function takes predictions and targets of the same samples, with the batch as first axis, and
// gives the loss of each sample, [batch]; `reduce` makes them one number. Predictions and targets have one
// floating-point dtype and one shape, unless the targets are integer labels. Errors: shape_mismatch,
// dtype_mismatch; a label that is not a class is an out_of_range error in a run.
//
// Accuracy in f32, of each sample: unless a loss says otherwise, it is within 1e-6 of the sum of the absolute
// values that its formula adds up, and so is its gradient. Means over long axes, and reduce(), are sums in
// f64 and lose no more.

#include "weft/graph/graph.h"

namespace weft::losses {

// --- classes: [batch, classes] ---

/// -sum(t' log p) of probabilities p, where t' = (1 - s) t + s / classes for a label smoothing s (Szegedy et
/// al., CVPR 2016). The logarithm is not below -100, and flat there.
Value categorical_cross_entropy(const Operand& probabilities, const Operand& targets, double smoothing = 0.0);
/// The same for softmax(logits), without its overflow (PyTorch's CrossEntropyLoss). A logit of -infinity
/// rules its class out: a target of 0 there adds 0, and smoothing goes to the possible classes. A loss near 0
/// keeps its digits: for a target with a single class the relative error is within 1e-6 in f32.
Value categorical_cross_entropy_with_logits(const Operand& logits, const Operand& targets,
                                            double smoothing = 0.0);
/// The same with integer labels [batch].
Value sparse_categorical_cross_entropy_with_logits(const Operand& logits, const Operand& labels,
                                                   double smoothing = 0.0);
/// -x[label] of log-probabilities x, with integer labels [batch] (PyTorch's NLLLoss).
Value negative_log_likelihood(const Operand& log_probabilities, const Operand& labels);
/// sum(t (log t - x)) of log-probabilities x; a target of 0 adds 0 (PyTorch's KLDivLoss, whose "batchmean" is
/// the mean of these losses).
Value kl_divergence(const Operand& log_probabilities, const Operand& targets);
/// max(0, 1 + max((1 - t) x) - sum(t x)) for one-hot targets (Keras's CategoricalHinge).
Value categorical_hinge(const Operand& scores, const Operand& targets);

/// Sum over the other classes j of max(0, margin - x[label] + x[j])^power / classes, with integer labels
/// [batch] (PyTorch's MultiMarginLoss). The power is 1 or 2, or it is an Error(invalid_argument).
Value multi_margin(const Operand& scores, const Operand& labels, double margin = 1.0, int power = 1);
/// Sum of max(0, 1 - x[i] + x[j]) / classes over the classes i that a sample has and the classes j that it
/// has not, for targets 1 and 0 (PyTorch's MultiLabelMarginLoss). [batch, classes, classes] numbers are made.
Value multi_label_margin(const Operand& scores, const Operand& targets);
/// -sum(gain[label] log p) of probabilities p, with a matrix gain [classes, classes] of what each answer is
/// worth; the logarithm is not below -100 (Caffe's InfogainLoss). With the unit matrix it is cross-entropy.
Value infogain(const Operand& probabilities, const Operand& labels, const Value& gain);
/// -sum(t (1 - p)^gamma log p) for p = softmax(logits), which makes little of what is already right (Lin et
/// al., ICCV 2017, for several classes). A gamma of 0 is cross-entropy; below 0 it is an
/// Error(invalid_argument).
Value categorical_focal_with_logits(const Operand& logits, const Operand& targets, double gamma = 2.0);
/// The same with integer labels [batch].
Value sparse_categorical_focal_with_logits(const Operand& logits, const Operand& labels, double gamma = 2.0);

// --- numbers: [batch, ...], the mean over all axes but the first ---

/// -(t log p + (1 - t) log(1 - p)) of probabilities p; logarithms are not below -100 (PyTorch's BCELoss), and
/// flat there. The relative error is within 1e-6 in f32.
Value binary_cross_entropy(const Operand& probabilities, const Operand& targets);
/// ln(1 + e^x) - t x: the same for sigmoid(logits), without its overflow (PyTorch's BCEWithLogitsLoss). For
/// targets 0 and 1 the relative error of the loss and its gradient is within 1e-6 in f32, however small they
/// are.
Value binary_cross_entropy_with_logits(const Operand& logits, const Operand& targets);
/// (x - t)^2.
Value mean_squared_error(const Operand& predictions, const Operand& targets);
/// |x - t|.
Value mean_absolute_error(const Operand& predictions, const Operand& targets);
/// |x - t| / max(|t|, 1e-7), a share and not percents (Keras's MeanAbsolutePercentageError has 100 times
/// that).
Value mean_absolute_relative_error(const Operand& predictions, const Operand& targets);
/// (ln(1 + x) - ln(1 + t))^2 of numbers above -1 (Keras's MeanSquaredLogarithmicError, which takes those
/// below 1e-7 for 1e-7).
Value mean_squared_logarithmic_error(const Operand& predictions, const Operand& targets);
/// e^2 / 2 for e = |x - t| up to delta, delta (e - delta / 2) beyond (Huber 1964; PyTorch's HuberLoss).
Value huber(const Operand& predictions, const Operand& targets, double delta = 1.0);
/// ln cosh(x - t), without the overflow of cosh (Keras's LogCosh). The relative error is within 2e-6 in f32,
/// also near 0.
Value log_cosh(const Operand& predictions, const Operand& targets);
/// max(0, 1 - t x) for targets -1 and 1 (Keras's Hinge).
Value hinge(const Operand& scores, const Operand& targets);
/// max(0, 1 - t x)^2 for targets -1 and 1 (Keras's SquaredHinge).
Value squared_hinge(const Operand& scores, const Operand& targets);
/// ln(1 + e^(-t x)) for targets -1 and 1 (PyTorch's SoftMarginLoss). For targets 0 and 1 of several classes
/// at once, its MultiLabelSoftMarginLoss, take binary_cross_entropy_with_logits.
Value soft_margin(const Operand& scores, const Operand& targets);
/// x for a target 1, max(0, margin - x) for a target -1, of distances x (PyTorch's HingeEmbeddingLoss).
Value hinge_embedding(const Operand& distances, const Operand& targets, double margin = 1.0);
/// max(0, margin - t (a - b)): a is to be above b where t is 1, below it where t is -1 (PyTorch's
/// MarginRankingLoss). All three have one type.
Value margin_ranking(const Operand& a, const Operand& b, const Operand& targets, double margin = 0.0);
/// e^x - t x of the logarithms x of rates, for counts t (PyTorch's PoissonNLLLoss). It is infinite where a
/// rate is, and a count of 0 adds 0.
Value poisson(const Operand& log_rates, const Operand& targets);
/// x - t ln(x + 1e-8) of rates x (the same with log_input=False).
Value poisson_of_rates(const Operand& rates, const Operand& targets);

struct FocalOptions {
  double gamma = 2.0;   // how little is made of what is already right
  double alpha = 0.25;  // the weight of targets 1; that of targets 0 is 1 - alpha
};
/// -alpha_t (1 - p_t)^gamma log p_t for p_t the probability sigmoid(logit) of a target 1, or the rest for a
/// target 0, and alpha_t likewise (Lin et al., ICCV 2017; torchvision's sigmoid_focal_loss). Errors:
/// invalid_argument unless gamma >= 0 and alpha is in [0, 1].
Value binary_focal_with_logits(const Operand& logits, const Operand& targets,
                               const FocalOptions& options = {});

struct GaussianOptions {
  double epsilon = 1e-6;  // the smallest variance
  bool full = false;      // adds ln(2 pi) / 2
};
/// (ln v + (x - t)^2 / v) / 2 for predicted variances v >= epsilon, of the type of the predictions (Nix and
/// Weigend 1994; PyTorch's GaussianNLLLoss). A smaller variance counts as epsilon, and its gradient is the
/// one there, so that it can grow again.
Value gaussian_negative_log_likelihood(const Operand& predictions, const Operand& variances,
                                       const Operand& targets, const GaussianOptions& options = {});

struct DiceOptions {
  double smoothing = 1e-7;  // added above and below, so that nothing found in nothing is right
  bool squared = false;     // squares in the denominator (Milletari, Navab and Ahmadi, 3DV 2016)
};
/// 1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s) of probabilities p over all axes but the first (Keras's
/// Dice).
Value dice(const Operand& probabilities, const Operand& targets, const DiceOptions& options = {});

// --- distances: [batch, features] ---

struct TripletOptions {
  double margin = 1.0;
  bool swap = false;  // takes the distance of negative and positive if it is the smaller one
};
/// max(0, |a - p| - |a - n| + margin) with Euclidean distances of an anchor from what belongs to it and from
/// what does not; swap: Balntas et al., BMVC 2016 (PyTorch's TripletMarginLoss, which adds 1e-6 to each
/// difference). Where a distance is 0 its gradient is 0.
Value triplet_margin(const Operand& anchors, const Operand& positives, const Operand& negatives,
                     const TripletOptions& options = {});
/// (s d^2 + (1 - s) max(0, margin - d)^2) / 2 for the Euclidean distance d of a pair, which belongs together
/// (s = 1) or not (s = 0), for s [batch] (Hadsell, Chopra and LeCun, CVPR 2006).
Value contrastive(const Operand& a, const Operand& b, const Operand& same, double margin = 1.0);

/// 1 - x.t / sqrt((x.x + 1e-12) (t.t + 1e-12)) over the last axis of [batch, features] (PyTorch's
/// CosineEmbeddingLoss for pairs that belong together), for finite numbers of any size.
Value cosine(const Operand& predictions, const Operand& targets);

// --- one number ---

enum class Reduction : std::uint8_t { mean, sum };

struct ReduceOptions {
  Reduction reduction = Reduction::mean;
  Value sample_weights{};  // [batch]
  Value class_weights{};   // [classes]; needs targets
  Value targets{};         // integer labels [batch], or one-hot or soft [batch, classes]
};

/// With w_i = sample_weights[i] * class_weights[class of i], each 1 where not given (for soft targets the
/// class weight is sum(t * class_weights)): the sum of w_i loss_i, and for the mean divided by the sum of
/// w_i. So without weights the mean divides by the batch, and with class weights and integer labels it is
/// PyTorch's (except with smoothing, where PyTorch weighs each class's share of a sample's loss). A loss of
/// weight 0 counts as 0, whatever it is. The mean of no samples, or with weights that add up to 0, is 0 and
/// changes no parameter. No gradient flows into weights.
Value reduce(const Operand& losses, const ReduceOptions& options = {});

}  // namespace weft::losses
