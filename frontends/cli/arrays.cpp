#include "weft/frontends/cli/arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/frontends/data/csv.h"
#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/npy.h"
#include "weft/frontends/data/npz.h"
#include "weft/graph/error.h"
#include "weft/runtime/files/stored_dtype.h"

namespace weft::cli {
namespace {

bool is_npy(std::filesystem::path file) {
  if (file.extension() == ".gz") file.replace_extension();
  return file.extension() == ".npy";
}

Tensor read_from_archive(const ArrayFile& from, std::string_view name) {
  data::NpzReader archive(from.file);
  if (!from.part.empty()) return archive.read(from.part);
  return archive.read(archive.names().size() == 1 ? std::string_view(archive.names()[0]) : name);
}

Tensor read_from_table(const ArrayFile& from) {
  const data::CsvTable table = data::read_csv(from.file);
  if (from.part.empty()) return table.values;
  const std::int64_t column = table.column(from.part);
  const std::int64_t rows = table.values.sizes()[0];
  Tensor made = Tensor::uninitialized(DType::f64, {rows});
  const auto values = table.values.values<double>();
  const auto to = made.mutable_values<double>();
  for (std::int64_t i = 0; i < rows; ++i) to[i] = values[i * table.columns() + column];
  return made;
}

}  // namespace

ArrayFile array_file(std::string_view text) {
  for (const std::string_view ending : {".npz:", ".csv:"}) {
    const std::size_t at = text.rfind(ending);
    if (at != std::string_view::npos)
      return {.file = text.substr(0, at + ending.size() - 1),
              .part = std::string(text.substr(at + ending.size()))};
  }
  return {.file = text, .part = {}};
}

Tensor read_array(const ArrayFile& from, std::string_view name) {
  if (from.is_archive()) return read_from_archive(from, name);
  if (from.is_table()) return read_from_table(from);
  return is_npy(from.file) ? data::read_npy(from.file) : data::read_idx(from.file);
}

Tensor with_dtype(const Tensor& tensor, DType dtype, std::string_view what) {
  if (tensor.dtype() == dtype) return tensor;
  Tensor made =
      Tensor::uninitialized(dtype, std::vector<std::int64_t>(tensor.sizes().begin(), tensor.sizes().end()));
  const auto problem = convert_numbers(stored_dtype_of(tensor.dtype()),
                                       {static_cast<const std::byte*>(tensor.data()), tensor.bytes()}, dtype,
                                       {static_cast<std::byte*>(made.mutable_data()), made.bytes()});
  if (problem)
    throw Error(ErrorCode::bad_feed,
                fmt::format("{} holds a number that {} cannot hold", what, name_of(dtype)),
                {.expected = std::string(name_of(dtype)),
                 .actual = fmt::format("{} as element {} of {}", problem->value, problem->element,
                                       to_string(tensor.type()))});
  return made;
}

std::string summary(const Tensor& tensor) {
  constexpr std::int64_t kFew = 8;
  if (tensor.elements() <= kFew) return to_string(tensor);
  double sum = 0.0;
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  std::int64_t nans = 0;
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T element : tensor.values<T>()) {
      const auto number = static_cast<double>(element);
      if (std::isnan(number)) {
        ++nans;
        continue;
      }
      sum += number;
      least = std::min(least, number);
      most = std::max(most, number);
    }
  });
  const std::string type = to_string(tensor.type());
  const std::int64_t numbers = tensor.elements() - nans;
  if (numbers == 0) return type + "  all NaN";
  return fmt::format("{}  mean {:.6g}, from {:.6g} to {:.6g}{}", type, sum / static_cast<double>(numbers),
                     least, most, nans > 0 ? fmt::format(", {} NaN", nans) : "");
}

}  // namespace weft::cli
