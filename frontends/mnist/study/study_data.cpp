#include "weft/frontends/mnist/study/study_data.h"

#include <array>
#include <cmath>

#include "weft/frontends/mnist/study/fingerprint.h"

namespace weft::mnist {
PixelScale standard_scale(const Tensor& images) {
  constexpr std::size_t kLevels = 256;
  std::array<std::int64_t, kLevels> counts{};
  for (const std::uint8_t pixel : images.values<std::uint8_t>()) ++counts[pixel];
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t level = 0; level < kLevels; ++level) {
    const double count = static_cast<double>(counts[level]);
    const double value = static_cast<double>(level);
    sum += count * value;
    squares += count * value * value;
  }
  const double n = static_cast<double>(images.elements());
  const double mean = sum / n;
  const double variance = squares / n - mean * mean;
  return {.mean = mean, .deviation = variance > 0.0 ? std::sqrt(variance) : 1.0};
}

StudyData study_data(const data::Digits& digits, std::int64_t samples) {
  StudyData data{.train = digits.train, .test = digits.test, .standard = {}};
  if (samples > 0 && samples < digits.train.images.sizes()[0]) {
    data.train = {.images = digits.train.images.rows(0, samples),
                  .labels = digits.train.labels.rows(0, samples)};
  }
  data.standard = standard_scale(data.train.images);
  return data;
}

PixelScale pixel_scale(const InputConfig& input, const StudyData& data) {
  if (input.standardize) return data.standard;
  return {.mean = 0.0, .deviation = input.divide_by};
}

std::string fingerprint_of(const StudyData& data) {
  Fingerprint hash;
  for (const Tensor& part : {data.train.images, data.train.labels, data.test.images, data.test.labels}) {
    hash.add(std::as_bytes(part.values<std::uint8_t>()));
  }
  return hash.text();
}

}  // namespace weft::mnist
