#include "weft/frontends/ctc.h"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::losses {
namespace {

// The logarithm of an impossible reading is a large number and not -infinity, whose differences have no
// value.
constexpr double kImpossible = -1e30;

struct CtcInputs {
  Value logs;          // [batch, steps, classes]
  Value labels;        // [batch, most]
  Value step_counts;   // [batch]
  Value label_counts;  // [batch]
};

void expect_types(const CtcInputs& in, const Where& where) {
  const auto is_number = [](const Value& x, std::size_t axis) { return x.shape()[axis].is_number(); };
  const bool ranks = in.logs.shape().rank() == 3 && in.labels.shape().rank() == 2;
  const bool shapes = ranks && is_number(in.logs, 1) && is_number(in.logs, 2) && is_number(in.labels, 1) &&
                      in.labels.shape()[0] == in.logs.shape()[0] &&
                      in.step_counts.shape() == Shape{in.logs.shape()[0]} &&
                      in.label_counts.shape() == in.step_counts.shape();
  const DType integer = in.labels.dtype();
  const bool dtypes = is_float(in.logs.dtype()) && is_index(integer) && in.step_counts.dtype() == integer &&
                      in.label_counts.dtype() == integer;
  if (shapes && dtypes) return;
  throw Error(
      shapes ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
      "the loss takes a sequence of distributions and a sequence of labels for each sample",
      {.op = "ctc",
       .expected = "f32 or f64 [batch, steps, classes], integers (i32, i64 or u8) [batch, most], [batch] and "
                   "[batch], "
                   "all sizes but the batch numbers",
       .actual = fmt::format("{}, {}, {} and {}", to_string(in.logs.type()), to_string(in.labels.type()),
                             to_string(in.step_counts.type()), to_string(in.label_counts.type())),
       .where = to_string(where)});
}

/// The counts, which a run checks to be in [0, most].
Value counts_up_to(const Value& counts, std::int64_t most) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i <= most; ++i) all.push_back(i);
  return gather(constant(counts.graph(), Tensor::of(all, {most + 1})), counts);
}

/// The labels with a blank before and after each, i64 [batch, 2 most + 1]; those beyond the count are blanks.
Value with_blanks(const Value& labels, const Value& counts, std::int64_t blank) {
  const Value places = positions(labels, 1, i64);
  const Value given = where(places < expand_dims(counts, 1), cast(labels, i64), blank);
  const Value blanks = broadcast_to(constant(labels.graph(), blank, i64), given.shape());
  const Value pairs = reshape(stack({blanks, given}, 2), Shape{labels.shape()[0], labels.shape()[1] * 2});
  return pad(pairs, {{0, 1}}, PadMode::constant, static_cast<double>(blank));
}

/// x[..., s - shift], and what is impossible where there is none.
Value shifted(const Value& x, std::int64_t shift) {
  const std::int64_t size = x.shape()[1].size();
  if (shift >= size) return broadcast_to(constant(x.graph(), kImpossible, f64), x.shape());
  return pad(slice(x, 1, 0, size - shift), {{shift, 0}}, PadMode::constant, kImpossible);
}

/// ln(e^a + e^b + e^c).
Value log_of_sum(const Value& a, const Value& b, const Value& c) {
  const Value largest = stop_gradient(maximum(a, maximum(b, c)));
  return largest + log(exp(a - largest) + exp(b - largest) + exp(c - largest));
}

/// 0 where a reading may go on from the place before the last, past a blank between two different labels.
Value cost_of_skipping(const Value& places, std::int64_t blank) {
  const std::int64_t size = places.shape()[1].size();
  const Value before =
      size < 3 ? places : pad(slice(places, 1, 0, size - 2), {{2, 0}}, PadMode::constant, -1.0);
  const Value may = logical_and(not_equal(places, blank), not_equal(places, before));
  const Value none = constant(places.graph(), 0.0, f64);
  return where(may, none, kImpossible);
}

}  // namespace

Value ctc(const Operand& log_probabilities, const Operand& labels, const Operand& step_counts,
          const Operand& label_counts, std::int64_t blank) {
  const CtcInputs in{.logs = log_probabilities.value("ctc"),
                     .labels = labels.value("ctc"),
                     .step_counts = step_counts.value("ctc"),
                     .label_counts = label_counts.value("ctc")};
  expect_types(in, log_probabilities.where());
  const Shape& shape = in.logs.shape();
  if (blank < 0 || blank >= shape[2].size()) {
    throw Error(ErrorCode::invalid_argument, "the blank is one of the classes",
                {.op = "ctc",
                 .expected = fmt::format("[0, {})", shape[2].size()),
                 .actual = std::to_string(blank),
                 .where = to_string(log_probabilities.where())});
  }
  Graph& graph = in.logs.graph();
  const Scope origin(graph, "ctc", log_probabilities.where());
  const std::int64_t steps = shape[1].size();
  const Value step_count = expand_dims(counts_up_to(in.step_counts, steps), 1);
  const Value label_count = counts_up_to(in.label_counts, in.labels.shape()[1].size());
  const Value places = with_blanks(in.labels, label_count, blank);
  const Value skip = cost_of_skipping(places, blank);
  const Shape read{shape[0], shape[1], places.shape()[1]};
  const Value logs = maximum(
      cast(take_along_axis(in.logs, broadcast_to(expand_dims(places, 1), read), 2), f64), kImpossible);
  // The logarithm of the probability of all readings that are at place s after so many steps.
  const Value at = positions(places, 1, i64);
  const Value start = where(equal(at, 0), constant(graph, 0.0, f64), kImpossible);
  Value state = broadcast_to(start, places.shape());
  for (std::int64_t step = 0; step < steps; ++step) {
    const Value next = squeeze(slice(logs, 1, step, step + 1), 1) +
                       log_of_sum(state, shifted(state, 1), shifted(state, 2) + skip);
    state = where(step_count > step, next, state);
  }
  const Value last = label_count * 2;
  const Value ends = stack({last, maximum(last - 1, 0)}, 1);
  const Value end = take_along_axis(state, ends, 1);
  const Value after_blank = squeeze(slice(end, 1, 0, 1), 1);
  const Value after_label = where(label_count > 0, squeeze(slice(end, 1, 1, 2), 1), kImpossible);
  const Value loss = -log_of_sum(after_blank, after_label, constant(graph, kImpossible, f64));
  return cast(where(loss < -0.5 * kImpossible, loss, std::numeric_limits<double>::infinity()),
              in.logs.dtype());
}

}  // namespace weft::losses
