#include "weft/frontends/data/synthetic_digits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "weft/frontends/data/handwriting.h"
#include "weft/frontends/data/random_streams.h"
#include "weft/frontends/data/raster.h"
#include "weft/graph/error.h"

namespace weft::data {
namespace {

constexpr std::int64_t kChunk = 500;    // digits that a thread takes at once; a multiple of ten
constexpr float kLightestInk = 215.0F;  // of 255
constexpr float kOffCentre = 0.5F;      // pixels: MNIST centres to whole pixels

using Ten = std::array<std::uint8_t, kDigitClasses>;

/// The labels of one run of ten samples: each digit once.
Ten labels_of_ten(std::uint64_t seed, std::int64_t which) {
  Ten labels{};
  std::iota(labels.begin(), labels.end(), std::uint8_t{0});
  PhiloxSequence random(seed, static_cast<std::uint64_t>(which));
  for (std::uint32_t last = kDigitClasses; last > 1; --last) {
    std::swap(labels[last - 1], labels[random.below(last)]);
  }
  return labels;
}

void draw_digit(int digit, PhiloxSequence random, std::span<std::uint8_t, kDigitPixels> pixels) {
  const Drawing drawing = write_digit(digit, random);
  constexpr float kMiddle = 0.5F * kDigitSide;
  const Point centre{kMiddle + kOffCentre * (2 * random.uniform() - 1),
                     kMiddle + kOffCentre * (2 * random.uniform() - 1)};
  const float ink = kLightestInk + (255.0F - kLightestInk) * random.uniform();
  rasterize(drawing.segments(), centre, ink, pixels);
}

struct Seeds {
  std::uint64_t labels;
  std::uint64_t strokes;
};

/// Samples [begin, end), into tensors of all samples; `begin` is a multiple of ten.
void draw_range(std::int64_t begin, std::int64_t end, const Seeds& seeds, std::span<std::uint8_t> images,
                std::span<std::uint8_t> labels) {
  Ten ten{};
  for (std::int64_t i = begin; i < end; ++i) {
    if (i % kDigitClasses == 0) ten = labels_of_ten(seeds.labels, i / kDigitClasses);
    const std::uint8_t digit = ten[static_cast<std::size_t>(i % kDigitClasses)];
    const auto pixels = images.subspan(static_cast<std::size_t>(i) * kDigitPixels).first<kDigitPixels>();
    draw_digit(digit, PhiloxSequence(seeds.strokes, static_cast<std::uint64_t>(i)), pixels);
    labels[static_cast<std::size_t>(i)] = digit;
  }
}

/// Runs `work` on this thread and on up to `helpers` more; fewer where the system gives no more threads.
template <typename Work>
void on_threads(std::int64_t helpers, const Work& work) {
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(helpers));
  for (std::int64_t i = 0; i < helpers; ++i) {
    try {
      threads.emplace_back(work);
    } catch (const std::system_error&) {
      break;  // the running threads share the work, and this thread alone can do it all
    }
  }
  work();
}

}  // namespace

Dataset synthetic_digits(std::int64_t count, std::uint64_t seed, std::uint64_t stream) {
  if (count < 0) {
    throw Error(ErrorCode::invalid_argument, "no synthetic digits of this count",
                {.expected = "0 or more", .actual = fmt::format("{}", count)});
  }
  Dataset dataset{.images = Tensor::uninitialized(DType::u8, {count, kDigitPixels}),
                  .labels = Tensor::uninitialized(DType::u8, {count})};
  const auto images = dataset.images.mutable_values<std::uint8_t>();
  const auto labels = dataset.labels.mutable_values<std::uint8_t>();
  const std::uint64_t stream_seed = derived_seed(purpose_seed(seed, Purpose::digits), stream);
  const Seeds seeds{.labels = derived_seed(stream_seed, 0), .strokes = derived_seed(stream_seed, 1)};

  std::atomic<std::int64_t> next_chunk{0};
  const std::int64_t chunks = count / kChunk + (count % kChunk == 0 ? 0 : 1);
  const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  on_threads(std::clamp<std::int64_t>(chunks - 1, 0, cores - 1), [&] {
    for (std::int64_t chunk = next_chunk++; chunk < chunks; chunk = next_chunk++) {
      const std::int64_t begin = chunk * kChunk;
      draw_range(begin, std::min(begin + kChunk, count), seeds, images, labels);
    }
  });
  return dataset;
}

}  // namespace weft::data
