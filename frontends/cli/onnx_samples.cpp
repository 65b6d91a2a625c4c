#include "weft/frontends/cli/onnx_samples.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/data/csv.h"
#include "weft/frontends/data/npz.h"
#include "weft/frontends/onnx/describe.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::cli {
namespace {

/// Arrays as the files have them.
struct RawSamples {
  Arrays inputs;
  Tensor target;
};

constexpr std::string_view kDefaultTarget = "y";

const onnx::ValueInfoProto& only_input(const onnx::ModelProto& model, std::string_view what) {
  const auto inputs = fed_inputs(model);
  if (inputs.size() == 1) return *inputs[0];
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto* input : inputs) names.push_back(printable(input->name));
  throw Error(ErrorCode::invalid_argument, fmt::format("{} for a model with several inputs", what),
              {.expected = fmt::format("an array for each of {}", fmt::join(names, ", "))});
}

RawSamples from_archive_file(const std::filesystem::path& file, const std::string& target,
                             const onnx::ModelProto& model) {
  data::NpzReader archive(file);
  const auto inputs = fed_inputs(model);
  const auto has = [&](const std::string& name) {
    return std::ranges::find(archive.names(), name) != archive.names().end();
  };
  RawSamples raw;
  for (const onnx::ValueInfoProto* input : inputs)
    raw.inputs[input->name] = archive.read(inputs.size() == 1 && !has(input->name) ? "x" : input->name);
  raw.target = archive.read(target.empty() ? kDefaultTarget : std::string_view(target));
  return raw;
}

/// The numbers of some columns, row by row.
Tensor columns_of(const data::CsvTable& table, std::int64_t begin, std::int64_t count) {
  const std::int64_t rows = table.values.sizes()[0];
  Tensor made = Tensor::uninitialized(DType::f64, {rows, count});
  const auto from = table.values.values<double>();
  auto to = made.mutable_values<double>().begin();
  for (std::int64_t row = 0; row < rows; ++row)
    to = std::ranges::copy(from.subspan(row * table.columns() + begin, count), to).out;
  return made;
}

RawSamples from_table_file(const std::filesystem::path& file, const std::string& name,
                           const onnx::ModelProto& model) {
  const data::CsvTable table = data::read_csv(file);
  const std::int64_t columns = table.columns();
  if (columns < 2)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{}: one column cannot be inputs and targets", printable(file.string())));
  const std::int64_t target = name.empty() ? columns - 1 : table.column(name);
  const std::int64_t rows = table.values.sizes()[0];
  const Tensor before = columns_of(table, 0, target);
  const Tensor behind = columns_of(table, target + 1, columns - target - 1);
  Tensor x = Tensor::uninitialized(DType::f64, {rows, columns - 1});
  auto to = x.mutable_values<double>().begin();
  for (std::int64_t row = 0; row < rows; ++row) {
    to = std::ranges::copy(before.values<double>().subspan(row * target, target), to).out;
    const std::int64_t rest = columns - target - 1;
    to = std::ranges::copy(behind.values<double>().subspan(row * rest, rest), to).out;
  }
  RawSamples raw;
  raw.inputs[only_input(model, "a table").name] = x;
  raw.target = columns_of(table, target, 1);
  return raw;
}

RawSamples from_files(const std::vector<std::string>& x, const std::string& y,
                      const onnx::ModelProto& model) {
  RawSamples raw;
  for (const std::string& flag : x) {
    const auto [given, from] = named_file(flag, model);
    const std::string name = given.empty() ? only_input(model, "--x without NAME=").name : given;
    raw.inputs[name] = read_array(from, name);
  }
  raw.target = read_array(array_file(y), kDefaultTarget);
  return raw;
}

RawSamples read_raw(const SampleFiles& files, const onnx::ModelProto& model) {
  if (files.data && (!files.x.empty() || files.y))
    throw Error(ErrorCode::invalid_argument,
                "--data holds inputs and targets: --x and --y do not go with it");
  if (!files.data) {
    if (files.x.empty() || !files.y)
      throw Error(ErrorCode::invalid_argument, "there is nothing to train on",
                  {.expected = "--data FILE.npz, --data FILE.csv, or --x FILE and --y FILE"});
    return from_files(files.x, *files.y, model);
  }
  const ArrayFile from{.file = *files.data, .part = {}};
  if (from.is_archive()) return from_archive_file(from.file, files.target, model);
  if (from.is_table()) return from_table_file(from.file, files.target, model);
  throw Error(ErrorCode::invalid_argument, "--data takes an archive or a table",
              {.expected = "FILE.npz or FILE.csv", .actual = printable(from.file.string())});
}

/// The numbers of a sample, where the model states all its sizes but that of the batch.
std::optional<std::vector<std::int64_t>> sample_sizes(const onnx::TypeProto& type) {
  if (!type.shape || type.shape->empty()) return {};
  std::vector<std::int64_t> sizes;
  for (std::size_t axis = 1; axis < type.shape->size(); ++axis) {
    const onnx::Dimension& size = (*type.shape)[axis];
    if (!size.dim_value) return {};
    sizes.push_back(*size.dim_value);
  }
  return sizes;
}

Tensor scaled(const Tensor& tensor, double scale) {
  if (scale == 1.0 || !is_real(tensor.dtype())) return tensor;
  Tensor made = tensor.clone();
  visit_dtype(made.dtype(), [&]<typename T>(T) {
    for (T& number : made.mutable_values<T>()) number = static_cast<T>(scale * static_cast<double>(number));
  });
  return made;
}

/// An array as samples of an input.
Tensor as_input(const onnx::ValueInfoProto& info, const Tensor& raw, double scale) {
  const std::string what = fmt::format("the input '{}'", printable(info.name));
  Tensor made = scaled(with_dtype(raw, onnx::dtype_of(info.type.elem_type), what), scale);
  const auto wrong = [&] {
    return Error(ErrorCode::shape_mismatch, what + " does not fit the samples",
                 {.expected = to_string(info.type) + ", with the samples along its first axis",
                  .actual = to_string(raw.type())});
  };
  if (raw.rank() == 0) throw wrong();
  const auto stated = sample_sizes(info.type);
  if (!stated) {
    if (info.type.shape && info.type.shape->size() != raw.rank()) throw wrong();
    return made;
  }
  std::vector<std::int64_t> sizes{raw.sizes()[0]};
  sizes.insert(sizes.end(), stated->begin(), stated->end());
  if (std::ranges::any_of(sizes, [](std::int64_t size) { return size < 0; }) ||
      checked_elements(sizes) != raw.elements())
    throw wrong();
  return made.reshaped(sizes);
}

}  // namespace

void add_sample_flags(CLI::App& app, SampleFiles& files) {
  app.add_option(
         "--data", files.data,
         "Samples: an archive FILE.npz with an array for each input (or x) and y, or a table FILE.csv, "
         "whose last column is y")
      ->type_name("FILE")
      ->group(kFileGroup);
  app.add_option("--target", files.target, "The array or column of --data that is y")
      ->type_name("NAME")
      ->group(kFileGroup);
  app.add_option("--x", files.x, "Samples of an input, one in each row: .npy, .npz:ARRAY, .csv or IDX")
      ->allow_extra_args(false)
      ->option_text("[NAME=]FILE")
      ->group(kFileGroup);
  app.add_option("--y", files.y, "Labels or targets of the samples, likewise")
      ->type_name("FILE")
      ->group(kFileGroup);
  app.add_option("--scale", files.scale, "What the inputs' floats are multiplied with: 0.00392157 for bytes")
      ->check(number_within(kAnyNumber))
      ->type_name("NUMBER")
      ->group(kFileGroup);
}

Samples read_samples(const SampleFiles& files, const onnx::ModelProto& model) {
  const RawSamples raw = read_raw(files, model);
  Samples samples;
  samples.target = raw.target;
  if (raw.target.rank() == 0)
    throw Error(ErrorCode::shape_mismatch, "the targets are a single number",
                {.expected = "a row for each sample"});
  expect_all_inputs(model, raw.inputs, "--x");
  for (const onnx::ValueInfoProto* input : fed_inputs(model))
    samples.inputs[input->name] = as_input(*input, raw.inputs.at(input->name), files.scale);
  for (const auto& [name, unused] : raw.inputs) {
    if (!samples.inputs.contains(name))
      throw Error(ErrorCode::invalid_argument, fmt::format("the model has no input '{}'", printable(name)));
  }
  for (const auto& [name, tensor] : samples.inputs) {
    if (tensor.sizes()[0] != samples.count())
      throw Error(
          ErrorCode::shape_mismatch,
          fmt::format("the input '{}' has another number of samples than the targets", printable(name)),
          {.expected = std::to_string(samples.count()), .actual = std::to_string(tensor.sizes()[0])});
  }
  if (samples.count() == 0) throw Error(ErrorCode::invalid_argument, "there are no samples to train on");
  return samples;
}

std::map<std::string, Shape, std::less<>> batch_shapes(const Samples& samples) {
  std::map<std::string, Shape, std::less<>> shapes;
  for (const auto& [name, tensor] : samples.inputs) {
    std::vector<Dim> dims{Dim(kBatchSymbol)};
    for (const std::int64_t size : tensor.sizes().subspan(1)) dims.emplace_back(size);
    shapes.emplace(name, Shape(dims));
  }
  return shapes;
}

}  // namespace weft::cli
