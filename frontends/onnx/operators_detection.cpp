// Operators whose results have sizes that depend on their numbers, which must be known, and regions and
// n-grams.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/gather.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

// --- NonMaxSuppression ---

struct Box {
  double y1, x1, y2, x2;
  double area() const { return (y2 - y1) * (x2 - x1); }
};

Box box_of(std::span<const float> numbers, bool is_centre) {
  const std::array<double, 4> n{numbers[0], numbers[1], numbers[2], numbers[3]};
  if (is_centre) return {n[1] - n[3] / 2, n[0] - n[2] / 2, n[1] + n[3] / 2, n[0] + n[2] / 2};
  return {std::min(n[0], n[2]), std::min(n[1], n[3]), std::max(n[0], n[2]), std::max(n[1], n[3])};
}

/// The area of what two boxes share, of what they cover together.
double overlap(const Box& a, const Box& b) {
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (height <= 0.0 || width <= 0.0) return 0.0;
  const double shared = height * width;
  return shared / (a.area() + b.area() - shared);
}

/// Whether a comes before b in ascending order, where NaNs come last and are equal.
bool is_below(long double a, long double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

/// The boxes with the best scores, none of which overlaps a better one by more than the limit.
std::vector<std::int64_t> best_boxes(const std::vector<Box>& boxes, std::span<const float> scores,
                                     std::int64_t most, double limit, double least) {
  std::vector<std::int64_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
    const float first = scores[static_cast<std::size_t>(a)];
    const float second = scores[static_cast<std::size_t>(b)];
    if (std::isnan(first) || std::isnan(second) || first == second) {
      return std::isnan(first) == std::isnan(second) ? a < b : std::isnan(second);
    }
    return first > second;
  });
  std::vector<std::int64_t> taken;
  for (const std::int64_t i : order) {
    if (static_cast<std::int64_t>(taken.size()) >= most) break;
    if (!(static_cast<double>(scores[static_cast<std::size_t>(i)]) > least)) break;
    const auto overlaps = [&](std::int64_t other) {
      return overlap(boxes[static_cast<std::size_t>(i)], boxes[static_cast<std::size_t>(other)]) > limit;
    };
    if (std::ranges::none_of(taken, overlaps)) taken.push_back(i);
  }
  return taken;
}

Items non_max_suppression_rule(const NodeView& node) {
  const Tensor boxes = node.constant(0, "the boxes");    // [batch, n, 4]
  const Tensor scores = node.constant(1, "the scores");  // [batch, classes, n]
  if (boxes.dtype() != DType::f32 || scores.dtype() != DType::f32 || boxes.rank() != 3 ||
      scores.rank() != 3 || boxes.sizes()[2] != 4 || boxes.sizes()[0] != scores.sizes()[0] ||
      boxes.sizes()[1] != scores.sizes()[2])
    throw Error(ErrorCode::shape_mismatch,
                "it takes boxes [batch, n, 4] and scores [batch, classes, n], in f32");
  const std::int64_t most = node.has(2) ? node.integer(2, "how many boxes a class has at most") : 0;
  const double limit = node.has(3) ? node.number(3, "the most overlap") : 0.0;
  const double least =
      node.has(4) ? node.number(4, "the least score") : -std::numeric_limits<double>::infinity();
  const bool is_centre = node.integer("center_point_box", 0) != 0;
  const auto n = static_cast<std::size_t>(boxes.sizes()[1]);
  std::vector<std::int64_t> rows;
  for (std::int64_t b = 0; b < boxes.sizes()[0]; ++b) {
    std::vector<Box> of_sample;
    for (std::size_t i = 0; i < n; ++i) {
      of_sample.push_back(
          box_of(boxes.values<float>().subspan((static_cast<std::size_t>(b) * n + i) * 4, 4), is_centre));
    }
    for (std::int64_t c = 0; c < scores.sizes()[1]; ++c) {
      const auto at = static_cast<std::size_t>(b * scores.sizes()[1] + c) * n;
      for (const std::int64_t i :
           best_boxes(of_sample, scores.values<float>().subspan(at, n), most, limit, least)) {
        rows.insert(rows.end(), {b, c, i});
      }
    }
  }
  const auto count = static_cast<std::int64_t>(rows.size() / 3);
  return node.constant_of(Tensor::of(rows, {count, 3}));
}

// --- Unique ---

/// Slices of a known tensor along its first axis, compared number by number.
class SliceOrder {
 public:
  explicit SliceOrder(const Tensor& tensor) : count_(tensor.sizes()[0]) {
    visit_dtype(tensor.dtype(), [&]<typename T>(T) {
      for (const T number : tensor.values<T>()) numbers_.push_back(static_cast<long double>(number));
    });
    width_ = count_ == 0 ? 0 : numbers_.size() / static_cast<std::size_t>(count_);
  }
  std::int64_t count() const { return count_; }
  bool less(std::int64_t a, std::int64_t b) const {
    return std::ranges::lexicographical_compare(of(a), of(b), is_below);
  }
  bool equal(std::int64_t a, std::int64_t b) const { return !less(a, b) && !less(b, a); }

 private:
  std::span<const long double> of(std::int64_t i) const {
    return std::span(numbers_).subspan(static_cast<std::size_t>(i) * width_, width_);
  }
  std::int64_t count_;
  std::size_t width_ = 0;
  std::vector<long double> numbers_;
};

/// The distinct slices along an axis, or elements: themselves, where each is first, which one each slice is,
/// and how often each occurs.
Items unique_rule(const NodeView& node) {
  Value x = node.value(0);
  if (x.dtype() == DType::boolean) x = cast(x, DType::u8);
  const bool flat = !node.has_attribute("axis");
  const std::int64_t axis = flat ? 0 : axis_of(node, "axis", 0, x.shape().rank());
  if (flat) x = reshape(x, Shape{x.shape().count()});
  const Tensor rows = node.known(Item(move_axis(x, axis, 0)));
  if (rows.empty()) node.refuse("how many values are distinct is only known in a run");
  const SliceOrder slices(rows);
  std::vector<std::int64_t> order(static_cast<std::size_t>(slices.count()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
    return slices.less(a, b) || (!slices.less(b, a) && a < b);
  });
  std::vector<std::vector<std::int64_t>> groups;  // of equal slices, in their order
  for (const std::int64_t i : order) {
    if (groups.empty() || !slices.equal(groups.back()[0], i)) groups.emplace_back();
    groups.back().push_back(i);
  }
  if (node.integer("sorted", 1) == 0) std::ranges::sort(groups);
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> inverse(order.size());
  std::vector<std::int64_t> counts;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    first.push_back(groups[g][0]);
    counts.push_back(static_cast<std::int64_t>(groups[g].size()));
    for (const std::int64_t i : groups[g])
      inverse[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(g);
  }
  const Value places = node.constant_of(Tensor::of(first));
  const Value distinct = take(x, places, axis);
  return std::vector<Value>{cast(distinct, node.value(0).dtype()), places,
                            node.constant_of(Tensor::of(inverse)), node.constant_of(Tensor::of(counts))};
}

// --- RoiAlign ---

/// `points` places in each of `cells` equal parts of [start, start + extent), for vectors of regions:
/// [regions, cells * points].
Value places_in(const NodeView& node, const Value& start, const Value& extent, std::int64_t cells,
                std::int64_t points) {
  std::vector<double> fractions;
  for (std::int64_t i = 0; i < cells * points; ++i) {
    fractions.push_back((static_cast<double>(i) + 0.5) / static_cast<double>(cells * points));
  }
  const Value at = cast(node.constant_of(Tensor::of(fractions)), start.dtype());
  return expand_dims(start, 1) + expand_dims(extent, 1) * expand_dims(at, 0);
}

/// Places among `size` elements as grid_sample() counts them, from -1 to 1.
Value as_grid(const Value& places, std::int64_t size) {
  return places * (2.0 / static_cast<double>(std::max<std::int64_t>(size - 1, 1))) - 1.0;
}

Value is_near(const Value& places, std::int64_t size) {
  return logical_and(greater_equal(places, -1.0), less_equal(places, static_cast<double>(size)));
}

/// Means over samples of regions (He and others, ICCV 2017): [regions, channels, height, width].
Items roi_align_rule(const NodeView& node) {
  const Value x = node.value(0);
  const Value regions = node.value(1);  // [regions, 4]: x1, y1, x2, y2
  const std::int64_t rows = node.integer("output_height", 1);
  const std::int64_t columns = node.integer("output_width", 1);
  const std::int64_t points = node.integer("sampling_ratio", 0);
  const double scale = node.number("spatial_scale", 1.0);
  if (node.text("mode", "avg") != "avg") node.refuse("its samples are averaged here");
  if (points < 1) node.refuse("a number of samples that depends on the regions");
  constexpr std::int64_t kMost = 1 << 12;
  if (regions.shape().rank() != 2 || rows < 1 || columns < 1 || rows > kMost || columns > kMost ||
      points > kMost || x.shape().rank() != 4 || !x.shape()[2].is_number() || !x.shape()[3].is_number())
    throw Error(ErrorCode::shape_mismatch, "its sizes are out of bounds");
  const bool is_half = node.text("coordinate_transformation_mode",
                                 node.version() < 16 ? "output_half_pixel" : "half_pixel") == "half_pixel";
  const double offset = is_half ? 0.5 : 0.0;
  const auto edge = [&](std::int64_t i) { return squeeze(slice(regions, 1, i, i + 1), 1) * scale - offset; };
  const auto extent = [&](std::int64_t first) {
    const Value size = edge(first + 2) - edge(first);
    return is_half ? size : maximum(size, 1.0);
  };
  const std::int64_t height = x.shape()[2].size();
  const std::int64_t width = x.shape()[3].size();
  const Value across = expand_dims(places_in(node, edge(0), extent(0), columns, points), 1);
  const Value down = expand_dims(places_in(node, edge(1), extent(1), rows, points), 2);
  const Shape all{regions.shape()[0], rows * points, columns * points};
  const Value grid =
      stack({broadcast_to(as_grid(across, width), all), broadcast_to(as_grid(down, height), all)}, -1);
  const Value samples =
      grid_sample(take(x, node.value(2), 0), grid, {.border = SampleBorder::border, .align_corners = true});
  const Value inside = expand_dims(logical_and(is_near(across, width), is_near(down, height)), 1);
  const Value kept = where(inside, samples, 0.0);
  return mean(reshape(kept, Shape{regions.shape()[0], x.shape()[1], rows, points, columns, points}), {3, 5});
}

// --- TfIdfVectorizer ---

/// The n-grams of one length: `grams` rows of `length` numbers, and which output each counts for.
struct Grams {
  std::int64_t length = 0;
  std::vector<std::int64_t> numbers;
  std::vector<std::int64_t> outputs;
};

std::vector<Grams> grams_of(const NodeView& node) {
  if (node.has_attribute("pool_strings")) node.refuse("n-grams of strings");
  const auto pool = node.integers("pool_int64s");
  const auto starts = node.integers("ngram_counts");
  const auto outputs = node.integers("ngram_indexes");
  std::vector<Grams> all;
  std::size_t output = 0;
  for (std::size_t n = 0; n < starts.size(); ++n) {
    const auto end = n + 1 < starts.size() ? starts[n + 1] : static_cast<std::int64_t>(pool.size());
    const auto length = static_cast<std::int64_t>(n) + 1;
    if (starts[n] < 0 || end < starts[n] || end > static_cast<std::int64_t>(pool.size()) ||
        (end - starts[n]) % length != 0)
      throw Error(ErrorCode::invalid_argument, "its ngram_counts do not cut its pool into n-grams");
    Grams grams{.length = length, .numbers = {pool.begin() + starts[n], pool.begin() + end}, .outputs = {}};
    for (std::int64_t k = 0; k < (end - starts[n]) / length; ++k)
      grams.outputs.push_back(outputs.at(output++));
    all.push_back(std::move(grams));
  }
  return all;
}

/// How often each n-gram stands in the rows of x [rows, n] with `skip` elements between its numbers: [rows,
/// grams].
Value occurrences(const NodeView& node, const Value& x, const Grams& grams, std::int64_t skip) {
  const std::int64_t stride = skip + 1;
  const std::int64_t positions = x.shape()[1].size() - (grams.length - 1) * stride;
  const auto count = static_cast<std::int64_t>(grams.outputs.size());
  const Value wanted = node.constant_of(Tensor::of(grams.numbers, {count, grams.length}));
  Value found;
  for (std::int64_t i = 0; i < grams.length; ++i) {
    const Value here = expand_dims(slice(x, 1, i * stride, i * stride + positions), 1);
    const Value same = equal(here, slice(wanted, 1, i, i + 1));
    found = found.has_value() ? logical_and(found, same) : same;
  }
  return sum(cast(found, f32), {2});
}

Items tf_idf_rule(const NodeView& node) {
  const Value given = cast(node.value(0), i64);
  const bool is_vector = given.shape().rank() == 1;
  const Value x = is_vector ? expand_dims(given, 0) : given;
  if (x.shape().rank() != 2 || !x.shape()[1].is_number()) node.refuse("it takes rows of a known length");
  const std::int64_t shortest = node.integer("min_gram_length", 1);
  const std::int64_t longest = node.integer("max_gram_length", 1);
  const std::int64_t skips = node.integer("max_skip_count", 0);
  const std::string mode = node.text("mode", "TF");
  if (skips < 0 || skips > (1 << 12))
    throw Error(ErrorCode::invalid_argument, "its max_skip_count is out of bounds");
  const auto outputs = node.integers("ngram_indexes");
  if (outputs.empty() || std::ranges::min(outputs) < 0 || std::ranges::max(outputs) > (1 << 20))
    throw Error(ErrorCode::invalid_argument, "its ngram_indexes are out of bounds");
  const std::int64_t columns = std::ranges::max(outputs) + 1;
  Value y = node.constant_of(Tensor::zeros(f32, {1, columns}));
  std::vector<double> weights = node.numbers("weights");
  for (const Grams& grams : grams_of(node)) {
    if (grams.outputs.empty() || grams.length < shortest || grams.length > longest) continue;
    std::vector<float> spread(grams.outputs.size() * static_cast<std::size_t>(columns), 0.0F);
    for (std::size_t k = 0; k < grams.outputs.size(); ++k) {
      spread[k * static_cast<std::size_t>(columns) + static_cast<std::size_t>(grams.outputs[k])] = 1.0F;
    }
    const Value to =
        node.constant_of(Tensor::of(spread, {static_cast<std::int64_t>(grams.outputs.size()), columns}));
    for (std::int64_t skip = 0; skip <= (grams.length == 1 ? 0 : skips); ++skip) {
      if ((grams.length - 1) * (skip + 1) >= x.shape()[1].size()) break;
      y = y + matmul(occurrences(node, x, grams, skip), to);
    }
  }
  y = broadcast_to(y, Shape{x.shape()[0], columns});
  if (mode == "IDF") y = cast(greater(y, 0.0), f32);
  if (mode != "TF" && !weights.empty()) {
    std::vector<float> of_columns(static_cast<std::size_t>(columns), 1.0F);
    for (std::size_t k = 0; k < std::min(weights.size(), outputs.size()); ++k) {
      of_columns[static_cast<std::size_t>(outputs[k])] = static_cast<float>(weights[k]);
    }
    y = y * node.constant_of(Tensor::of(of_columns));
  }
  return is_vector ? squeeze(y, 0) : y;
}

constexpr std::array kDetection{
    RuleEntry{"NonMaxSuppression", non_max_suppression_rule},
    RuleEntry{"RoiAlign", roi_align_rule},
    RuleEntry{"TfIdfVectorizer", tf_idf_rule},
    RuleEntry{"Unique", unique_rule},
};

}  // namespace

std::span<const RuleEntry> detection_rules() { return kDetection; }

}  // namespace weft::onnx
