#include "weft/frontends/cli/onnx_losses.h"

#include <array>

#include "weft/frontends/config/choices.h"
#include "weft/frontends/losses.h"
#include "weft/ops/elementwise.h"

namespace weft::cli {
namespace {

constexpr double kLeastProbability = 1e-30;  // whose logarithm is finite in f32

constexpr std::array kOnnxLosses{
    OnnxLoss{"cross_entropy", "of logits [batch, classes] and labels", true,
             [](const Value& x, const Value& t) {
               return losses::sparse_categorical_cross_entropy_with_logits(x, t);
             }},
    OnnxLoss{"nll", "-ln of the label's probability, of log-probabilities [batch, classes] and labels", true,
             [](const Value& x, const Value& t) { return losses::negative_log_likelihood(x, t); }},
    OnnxLoss{"nll_of_probabilities", "the same of probabilities, as after a softmax", true,
             [](const Value& x, const Value& t) {
               return losses::negative_log_likelihood(log(maximum(x, kLeastProbability)), t);
             }},
    OnnxLoss{
        "focal", "cross_entropy times (1 - the probability of the label)^2", true,
        [](const Value& x, const Value& t) { return losses::sparse_categorical_focal_with_logits(x, t); }},
    OnnxLoss{"bce", "binary cross-entropy of logits and targets from 0 to 1", false,
             [](const Value& x, const Value& t) { return losses::binary_cross_entropy_with_logits(x, t); }},
    OnnxLoss{"bce_of_probabilities", "the same of probabilities, as after a sigmoid", false,
             [](const Value& x, const Value& t) { return losses::binary_cross_entropy(x, t); }},
    OnnxLoss{"mse", "mean of (output - target)^2", false,
             [](const Value& x, const Value& t) { return losses::mean_squared_error(x, t); }},
    OnnxLoss{"mae", "mean of |output - target|", false,
             [](const Value& x, const Value& t) { return losses::mean_absolute_error(x, t); }},
    OnnxLoss{"huber", "e^2 / 2 for e = |output - target| up to 1, e - 1/2 beyond", false,
             [](const Value& x, const Value& t) { return losses::huber(x, t); }},
};

}  // namespace

std::span<const OnnxLoss> onnx_losses() { return kOnnxLosses; }

const OnnxLoss& onnx_loss_named(std::string_view name) { return choice_named("loss", name, onnx_losses()); }

}  // namespace weft::cli
