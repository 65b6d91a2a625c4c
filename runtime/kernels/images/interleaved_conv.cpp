#include "weft/runtime/kernels/images/interleaved_conv.h"

#include <algorithm>
#include <limits>

#include "weft/runtime/kernels/images/conv_spec.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"
#include "weft/runtime/kernels/images/window_rows.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {
namespace {

constexpr std::int64_t parts(std::int64_t all, std::int64_t most) { return (all + most - 1) / most; }
/// The size of equal parts that are as few as can be.
constexpr std::int64_t even_part(std::int64_t all, std::int64_t most) { return parts(all, parts(all, most)); }

/// y = conv(x, w), or dx from dy and w, which is the same sum with channels and filters in each other's
/// place. Below, source is what is read, and `to` and `from` count the channels of a group of what is written
/// and read.
class WindowSumsKernel final : public Kernel {
 public:
  WindowSumsKernel(const ConvSpec& spec, const ConvEnd& end, Range blocks)
      : lanes_(lane_functions()),
        sizes_(spec.sizes),
        forwards_(spec.kind == ConvKind::forward),
        end_(end),
        blocks_(blocks),
        to_((forwards_ ? sizes_.filters : sizes_.channels) / sizes_.groups),
        from_((forwards_ ? sizes_.channels : sizes_.filters) / sizes_.groups),
        part_(even_part(to_, lanes_.most_filters)),
        windows_(sizes_, forwards_ ? WindowReading::forwards : WindowReading::backwards,
                 sizes_.groups * from_ * lanes_.lanes, from_ * part_) {}

  std::size_t scratch_bytes() const override {
    const std::int64_t weights = sizes_.groups * parts(to_, part_) * part_weights();
    return whole_lines(static_cast<std::size_t>(weights) * sizeof(float));
  }

  void run(const KernelBuffers& buffers) override {
    auto* packed = reinterpret_cast<float*>(buffers.scratch);
    pack(reinterpret_cast<const float*>(buffers.inputs[1]), packed);
    const auto* bias = end_.bias ? reinterpret_cast<const float*>(buffers.inputs[2]) : nullptr;
    const std::int64_t source_row =
        (forwards_ ? sizes_.x[2] : sizes_.y[2]) * sizes_.groups * from_ * lanes_.lanes;
    const std::int64_t source_rows = forwards_ ? sizes_.x[0] * sizes_.x[1] : sizes_.y[0] * sizes_.y[1];
    for (std::int64_t block = blocks_.begin; block < blocks_.end; ++block) {
      for (std::int64_t row = 0; row < windows_.rows(); ++row) {
        const auto* source = reinterpret_cast<const float*>(buffers.inputs[0]) +
                             (block * source_rows + windows_.source_row(row)) * source_row;
        auto* result = reinterpret_cast<float*>(buffers.outputs[0]) +
                       (block * windows_.rows() + row) * windows_.columns() * result_pixel();
        sum_row(row, source, packed, result, bias);
      }
    }
  }

 private:
  std::int64_t result_pixel() const { return sizes_.groups * to_ * lanes_.lanes; }
  std::int64_t part_weights() const { return part_ * from_ * sizes_.taps(); }

  void sum_row(std::int64_t row, const float* source, const float* packed, float* result,
               const float* bias) const {
    for (std::int64_t group = 0; group < sizes_.groups; ++group) {
      for (std::int64_t first = 0; first < to_; first += part_) {
        WindowSums sums{.source = source + group * from_ * lanes_.lanes,
                        .taps = {},
                        .channels = from_,
                        .weights = packed,
                        .result = result + (group * to_ + first) * lanes_.lanes,
                        .kept = std::min(part_, to_ - first),
                        .bias = bias == nullptr ? nullptr : bias + group * to_ + first,
                        .rectified = end_.rectified};
        for (std::int64_t column = 0; column < windows_.columns(); ++column) {
          sums.taps = windows_.taps(row, column);
          lanes_.add_windows[static_cast<std::size_t>(part_)](sums);
          sums.result += result_pixel();
        }
        packed += part_weights();
      }
    }
  }

  /// Weights as [groups, parts, taps, from, part], filled up with zeros.
  void pack(const float* weights, float* packed) const {
    const std::int64_t taps = sizes_.taps();
    const std::int64_t to_stride = forwards_ ? from_ * taps : taps;
    const std::int64_t from_stride = forwards_ ? taps : to_ * taps;
    for (std::int64_t group = 0; group < sizes_.groups; ++group, weights += to_ * from_ * taps) {
      for (std::int64_t first = 0; first < to_; first += part_) {
        const std::int64_t kept = std::min(part_, to_ - first);
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          for (std::int64_t from = 0; from < from_; ++from, packed += part_) {
            const float* w = weights + first * to_stride + from * from_stride + tap;
            for (std::int64_t to = 0; to < kept; ++to) packed[to] = w[to * to_stride];
            std::fill(packed + kept, packed + part_, 0.0F);
          }
        }
      }
    }
  }

  const LaneFunctions& lanes_;
  ConvSizes sizes_;
  bool forwards_;
  ConvEnd end_;
  Range blocks_;
  std::int64_t to_;
  std::int64_t from_;
  std::int64_t part_;  // of `to`, computed together
  WindowRows windows_;
};

/// A sum over more positions is made of sums in f64.
constexpr std::int64_t kMostPositions = 8192;
/// So many columns of a row, with some of their channels and filters, stay in the nearest cache from tap to
/// tap.
constexpr std::int64_t kColumns = 8;
/// Some channels of so many bytes of x stay in the next cache from filter to filter.
constexpr std::int64_t kBandBytes = std::int64_t{192} * 1024;

/// dw from x and dy: some filters of it, or of the term that some blocks of pictures give.
class FilterSumsKernel final : public Kernel {
 public:
  FilterSumsKernel(const ConvSpec& spec, Range filters, Range blocks, std::size_t output)
      : lanes_(lane_functions()), sizes_(spec.sizes), filters_(filters), blocks_(blocks), output_(output) {
    std::vector<std::vector<WindowHit>> hits;  // by row of dy
    for (std::int64_t row = 0; row < sizes_.y[0] * sizes_.y[1]; ++row)
      hits.push_back(window_row_hits(sizes_, WindowReading::forwards, row));
    find_bands(hits);
    find_runs(hits);
  }

  std::size_t scratch_bytes() const override {
    return sums_bytes() + totals_bytes() +
           static_cast<std::size_t>(most_band_rows_ * band_row()) * sizeof(float);
  }

  void run(const KernelBuffers& buffers) override {
    const std::int64_t group_filters = sizes_.filters / sizes_.groups;
    for (std::int64_t at = filters_.begin; at < filters_.end;) {
      const std::int64_t group = at / group_filters;
      const Range filters{.begin = at, .end = std::min(filters_.end, (group + 1) * group_filters)};
      for (std::int64_t c = 0; c < group_channels(); c += most_channels()) {
        const std::int64_t first = group * group_channels() + c;
        const std::int64_t count = std::min(most_channels(), group_channels() - c);
        sum_channels({.filters = filters, .channels = {.begin = first, .end = first + count}}, buffers);
      }
      at = filters.end;
    }
  }

 private:
  /// Filters and channels, both counted from the first of all.
  struct Tile {
    Range filters;
    Range channels;
    std::int64_t count() const { return (filters.end - filters.begin) * (channels.end - channels.begin); }
  };
  /// Rows of dy, and all rows of x that their windows reach.
  struct Band {
    Range rows;
    Range source;
    std::vector<TapRun> runs{};
  };
  /// The first pixel of a row of x, as it lies or as some channels of it were copied.
  struct Source {
    const float* first = nullptr;
    std::int64_t pixel = 0;
  };

  std::int64_t group_channels() const { return sizes_.channels / sizes_.groups; }
  std::int64_t most_channels() const {
    std::int64_t most = kMostLaneChannels;
    while (lanes_.most_rows[static_cast<std::size_t>(most)] == 0) --most;
    return even_part(group_channels(), most);
  }
  /// Filters whose sums with some channels are made together.
  std::int64_t tile_filters(Range filters) const {
    return even_part(filters.end - filters.begin,
                     lanes_.most_rows[static_cast<std::size_t>(most_channels())]);
  }
  std::int64_t vector() const { return lanes_.lanes / 2; }
  std::size_t most_sums() const {
    return static_cast<std::size_t>((filters_.end - filters_.begin) * most_channels() * sizes_.taps());
  }
  std::size_t sums_bytes() const {
    return whole_lines(most_sums() * static_cast<std::size_t>(vector()) * sizeof(float));
  }
  std::size_t totals_bytes() const { return whole_lines(most_sums() * sizeof(double)); }
  /// Whether some channels of x are copied side by side: their pixels may lie where they share places in the
  /// cache.
  bool copies() const { return most_channels() < sizes_.channels && sizes_.x[0] == 1 && sizes_.taps() > 1; }
  std::int64_t band_row() const { return copies() ? sizes_.x[2] * most_channels() * lanes_.lanes : 0; }

  void find_bands(std::span<const std::vector<WindowHit>> hits) {
    const std::int64_t most =
        copies() ? kBandBytes / (band_row() * static_cast<std::int64_t>(sizeof(float))) : std::ssize(hits);
    for (std::int64_t row = 0; row < std::ssize(hits); ++row) {
      const Range reached = rows_reached(hits[static_cast<std::size_t>(row)]);
      if (!bands_.empty()) {
        Band& band = bands_.back();
        const Range joined = joined_rows(band.source, reached);
        const bool is_short = (row + 1 - band.rows.begin) * sizes_.y[2] <= kMostPositions;
        if (is_short && joined.end - joined.begin <= most) {
          band = {.rows = {.begin = band.rows.begin, .end = row + 1}, .source = joined};
          continue;
        }
      }
      bands_.push_back({.rows = {.begin = row, .end = row + 1}, .source = reached});
    }
    for (const Band& band : bands_)
      most_band_rows_ = std::max(most_band_rows_, band.source.end - band.source.begin);
  }

  /// From the first row of x that a row of windows reaches to the last.
  static Range rows_reached(std::span<const WindowHit> hits) {
    Range reached{};
    for (const WindowHit& hit : hits) reached = joined_rows(reached, {.begin = hit.at, .end = hit.at + 1});
    return reached;
  }
  static Range joined_rows(Range a, Range b) {
    if (a.begin == a.end) return b;
    if (b.begin == b.end) return a;
    return {.begin = std::min(a.begin, b.begin), .end = std::max(a.end, b.end)};
  }

  /// Short parts of a row for each tap in turn, so that they are still in the nearest cache; long ones where
  /// there is one tap.
  void find_runs(std::span<const std::vector<WindowHit>> hits) {
    std::vector<Range> inside(static_cast<std::size_t>(sizes_.kernel[2]),
                              Range{.begin = sizes_.y[2], .end = 0});
    for (std::int64_t column = 0; column < sizes_.y[2]; ++column) {
      for (const WindowHit& hit : window_hits(sizes_, WindowReading::forwards, 2, column)) {
        Range& range = inside[static_cast<std::size_t>(hit.tap)];
        range = {.begin = std::min(range.begin, column), .end = column + 1};
      }
    }
    const std::int64_t step = sizes_.taps() == 1 ? sizes_.y[2] : kColumns;
    for (Band& band : bands_) {
      for (std::int64_t row = band.rows.begin; row < band.rows.end; ++row) {
        for (std::int64_t column = 0; column < sizes_.y[2]; column += step) {
          for (const WindowHit& hit : hits[static_cast<std::size_t>(row)]) {
            for (std::int64_t tap = 0; tap < sizes_.kernel[2]; ++tap) {
              const std::int64_t begin = std::max(column, inside[static_cast<std::size_t>(tap)].begin);
              const std::int64_t end = std::min(column + step, inside[static_cast<std::size_t>(tap)].end);
              if (begin >= end) continue;
              const std::int64_t at = begin * sizes_.stride[2] + tap * sizes_.dilation[2] - sizes_.before[2];
              band.runs.push_back(
                  {.a = static_cast<std::int32_t>((row - band.rows.begin) * sizes_.y[2] + begin),
                   .b = static_cast<std::int32_t>((hit.at - band.source.begin) * sizes_.x[2] + at),
                   .count = static_cast<std::int32_t>(end - begin),
                   .tap = static_cast<std::int32_t>(hit.tap * sizes_.kernel[2] + tap)});
            }
          }
        }
      }
    }
  }

  void sum_channels(const Tile& all, const KernelBuffers& buffers) const {
    auto* sums = reinterpret_cast<float*>(buffers.scratch);
    auto* totals = reinterpret_cast<double*>(buffers.scratch + sums_bytes());
    const std::int64_t count = all.count() * sizes_.taps();
    std::fill(sums, sums + count * vector(), 0.0F);
    std::fill(totals, totals + count, 0.0);
    std::int64_t positions = 0;
    for (std::int64_t block = blocks_.begin; block < blocks_.end; ++block) {
      for (const Band& band : bands_) {
        const std::int64_t more = (band.rows.end - band.rows.begin) * sizes_.y[2];
        if (positions + more > kMostPositions) {
          lanes_.take_lanes(sums, count, totals);
          positions = 0;
        }
        positions += more;
        add_band(all, block, band, buffers, sums);
      }
    }
    lanes_.take_lanes(sums, count, totals);
    auto* dw = reinterpret_cast<float*>(buffers.outputs[output_]);
    const std::int64_t step = tile_filters(all.filters);
    for (std::int64_t f = all.filters.begin; f < all.filters.end; f += step) {
      const Tile tile{.filters = {.begin = f, .end = std::min(f + step, all.filters.end)},
                      .channels = all.channels};
      totals = write(tile, totals, dw);
    }
  }

  void add_band(const Tile& all, std::int64_t block, const Band& band, const KernelBuffers& buffers,
                float* sums) const {
    const std::int64_t pixel = sizes_.channels * lanes_.lanes;
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) +
                    (block * sizes_.x_plane() + band.source.begin * sizes_.x[2]) * pixel +
                    all.channels.begin * lanes_.lanes;
    Source source{.first = x, .pixel = pixel};
    if (copies()) {
      auto* copy = reinterpret_cast<float*>(buffers.scratch + sums_bytes() + totals_bytes());
      source = {.first = copy, .pixel = (all.channels.end - all.channels.begin) * lanes_.lanes};
      const std::int64_t pixels = (band.source.end - band.source.begin) * sizes_.x[2];
      for (std::int64_t i = 0; i < pixels; ++i, x += pixel, copy += source.pixel)
        std::copy_n(x, source.pixel, copy);
    }
    const auto* dy =
        reinterpret_cast<const float*>(buffers.inputs[1]) +
        (block * sizes_.y_plane() + band.rows.begin * sizes_.y[2]) * sizes_.filters * lanes_.lanes;
    const std::int64_t step = tile_filters(all.filters);
    for (std::int64_t f = all.filters.begin; f < all.filters.end; f += step) {
      const Tile tile{.filters = {.begin = f, .end = std::min(f + step, all.filters.end)},
                      .channels = all.channels};
      const auto add = lanes_.add_positions[static_cast<std::size_t>(tile.channels.end - tile.channels.begin)]
                                           [static_cast<std::size_t>(tile.filters.end - tile.filters.begin)];
      add({.a = dy + f * lanes_.lanes,
           .a_pixel = sizes_.filters * lanes_.lanes,
           .b = source.first,
           .b_pixel = source.pixel,
           .b_stride = sizes_.stride[2],
           .runs = band.runs,
           .sums = sums});
      sums += tile.count() * sizes_.taps() * vector();
    }
  }

  /// Totals [taps, filters, channels] to their places in dw [filters, group's channels, taps]. Returns their
  /// end.
  double* write(const Tile& tile, double* totals, float* dw) const {
    for (std::int64_t tap = 0; tap < sizes_.taps(); ++tap) {
      for (std::int64_t f = tile.filters.begin; f < tile.filters.end; ++f) {
        for (std::int64_t c = tile.channels.begin; c < tile.channels.end; ++c) {
          const std::int64_t channel = c % group_channels();
          dw[(f * group_channels() + channel) * sizes_.taps() + tap] = static_cast<float>(*totals++);
        }
      }
    }
    return totals;
  }

  const LaneFunctions& lanes_;
  ConvSizes sizes_;
  Range filters_;
  Range blocks_;
  std::size_t output_;
  std::vector<Band> bands_;
  std::int64_t most_band_rows_ = 0;
};

std::optional<ConvSpec> interleaved_spec(const Op& op, const KernelSite& site) {
  const auto* interleaved = op.as<InterleavedConvolution>();
  if (interleaved == nullptr || interleaved->lanes != lane_functions().lanes) return std::nullopt;
  if (site.outputs[0].dtype != DType::f32 || !conv_end(interleaved->convolution)) return std::nullopt;
  const auto spec = conv_spec(interleaved->convolution.op, site, deinterleaved);
  if (!spec) return std::nullopt;
  // Taps count the floats of a block of pictures in 32 bits.
  const ConvSizes& s = spec->sizes;
  const std::int64_t block =
      lane_functions().lanes * std::max(s.channels * s.x_plane(), s.filters * s.y_plane());
  if (block > std::numeric_limits<std::int32_t>::max() || s.channels == 0 || s.filters == 0)
    return std::nullopt;
  return spec;
}

}  // namespace

std::optional<KernelChoice> interleaved_conv_kernel(const KernelSite& site) {
  const auto* terms = site.op.as<WeightGradientTerms>();
  const auto spec =
      interleaved_spec(terms != nullptr ? terms->convolution.op : site.op,
                       {.op = site.op, .inputs = site.inputs, .outputs = site.outputs.first(1)});
  if (!spec) return std::nullopt;
  const std::int64_t blocks = spec->sizes.batch / lane_functions().lanes;
  const Range all_filters{.begin = 0, .end = spec->sizes.filters};
  KernelChoice choice;
  choice.work = work_of(site);
  choice.work.flops = conv_flops(spec->sizes);
  if (terms != nullptr) {
    choice.cut = {.extent = blocks, .inputs = {Portion::rows, Portion::rows}, .outputs = Portion::whole};
    choice.make = [spec = *spec, all_filters, cut = choice.cut,
                   outputs = static_cast<int>(terms->terms)](Range range) {
      return std::make_unique<FilterSumsKernel>(spec, all_filters, range, own_output(cut, outputs, range));
    };
  } else if (spec->kind == ConvKind::weight_gradient) {
    choice.cut = {.extent = spec->sizes.filters, .inputs = {}};
    choice.make = [spec = *spec, blocks](Range range) {
      return std::make_unique<FilterSumsKernel>(spec, range, Range{.begin = 0, .end = blocks}, 0);
    };
  } else {
    const ConvEnd end = conv_end(site.op.as<InterleavedConvolution>()->convolution).value_or(ConvEnd{});
    choice.cut = {.extent = blocks, .inputs = {Portion::rows}};
    choice.make = [spec = *spec, end](Range range) {
      return std::make_unique<WindowSumsKernel>(spec, end, range);
    };
  }
  return choice;
}

}  // namespace weft
