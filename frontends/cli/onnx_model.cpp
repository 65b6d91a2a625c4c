#include "weft/frontends/cli/onnx_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "weft/frontends/data/npz.h"
#include "weft/frontends/onnx/describe.h"
#include "weft/graph/error.h"
#include "weft/graph/philox.h"
#include "weft/graph/text.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kDefaultSize = 2;     // of a symbol that is not given
constexpr std::int64_t kSmallElements = 64;  // of what is likely to be a shape, axes, or a count

std::string subject(std::string_view name) { return fmt::format("the input '{}'", printable(name)); }

std::set<std::string, std::less<>> stored_names(const onnx::ModelProto& model) {
  std::set<std::string, std::less<>> names;
  for (const onnx::TensorProto& tensor : model.graph.initializer) names.insert(tensor.name);
  for (const onnx::SparseTensorProto& tensor : model.graph.sparse_initializer)
    names.insert(tensor.values.name);
  return names;
}

/// "x f32[batch, 3], lengths i64[batch]".
std::string list_of(const std::vector<const onnx::ValueInfoProto*>& inputs) {
  std::vector<std::string> texts;
  for (const onnx::ValueInfoProto* input : inputs)
    texts.push_back(fmt::format("{} {}", printable(input->name), to_string(input->type)));
  return fmt::format("{}", fmt::join(texts, ", "));
}

const onnx::ValueInfoProto& input_named(const onnx::ModelProto& model, std::string_view name) {
  const auto found = std::ranges::find(model.graph.input, name, &onnx::ValueInfoProto::name);
  if (found != model.graph.input.end()) return *found;
  std::vector<std::string_view> names;
  for (const onnx::ValueInfoProto& info : model.graph.input) names.push_back(info.name);
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the model has no input '{}'{}", printable(name), suggestion(name, names)),
              {.expected = list_of(fed_inputs(model))});
}

void add_array(Arrays& arrays, const onnx::ValueInfoProto& info, const Tensor& tensor) {
  if (arrays.contains(info.name))
    throw Error(ErrorCode::invalid_argument, subject(info.name) + " is given twice");
  if (info.type.kind != onnx::TypeProto::Kind::tensor)
    throw Error(ErrorCode::unsupported, subject(info.name) + " is no tensor, and an array cannot be it",
                {.expected = to_string(info.type)});
  arrays.emplace(info.name, with_dtype(tensor, onnx::dtype_of(info.type.elem_type), subject(info.name)));
}

/// Every input that an archive has an array for.
void add_archive(Arrays& arrays, const onnx::ModelProto& model, const ArrayFile& from) {
  data::NpzReader archive(from.file);
  std::size_t found = 0;
  for (const onnx::ValueInfoProto& info : model.graph.input) {
    if (std::ranges::find(archive.names(), info.name) == archive.names().end()) continue;
    add_array(arrays, info, archive.read(info.name));
    ++found;
  }
  if (found == 0)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} has an array for no input of the model", printable(from.file.string())),
                {.expected = list_of(fed_inputs(model)),
                 .actual = printable(fmt::format("{}", fmt::join(archive.names(), ", ")))});
}

/// Takes the sizes of an array for the model's shapes and symbols.
void take_sizes(const onnx::ValueInfoProto& info, const Tensor& tensor, onnx::Options& options) {
  const auto& stated = info.type.shape;
  bool fits = !stated || stated->size() == tensor.rank();
  for (std::size_t axis = 0; fits && stated && axis < stated->size(); ++axis) {
    const onnx::Dimension& size = (*stated)[axis];
    const std::int64_t actual = tensor.sizes()[axis];
    if (size.dim_value) fits = *size.dim_value == actual || *size.dim_value < 0;
    if (size.dim_value || size.dim_param.empty()) continue;
    const auto [known, added] = options.dims.try_emplace(size.dim_param, Dim(actual));
    fits = added || known->second.is(actual);
  }
  if (!fits) {
    std::vector<std::string> sizes;
    for (const auto& [symbol, size] : options.dims)
      sizes.push_back(fmt::format("{} {}", printable(symbol), to_string(size)));
    throw Error(ErrorCode::shape_mismatch, subject(info.name) + " has another shape than the model states",
                {.expected = to_string(info.type) +
                             (sizes.empty() ? "" : fmt::format(" with {}", fmt::join(sizes, ", "))),
                 .actual = to_string(tensor.type())});
  }
  options.shapes.insert_or_assign(info.name, Shape::of(tensor.sizes()));
}

/// Random numbers for a type: floats around 0, and integers that are 0 or 1, which most tables have.
Tensor random_numbers(const TensorType& type, PhiloxSequence& random) {
  Tensor tensor = Tensor::uninitialized(type.dtype, type.shape);
  visit_dtype(type.dtype, [&]<typename T>(T) {
    for (T& number : tensor.mutable_values<T>()) {
      const float uniform = random.uniform();
      number = std::is_integral_v<T> ? static_cast<T>(uniform < 0.5F) : static_cast<T>(2.0F * uniform - 1.0F);
    }
  });
  return tensor;
}

/// Which arrays are constants in one attempt to import the model.
enum class Fixing : std::uint8_t { none, small, all };

bool is_fixed(Fixing fixing, const Tensor& tensor) {
  const bool is_small = tensor.rank() <= 1 && tensor.elements() <= kSmallElements;
  return fixing == Fixing::all || (fixing == Fixing::small && is_small);
}

onnx::Imported import_with(Graph& graph, const onnx::ModelProto& model, const OnnxFile& file,
                           onnx::Options options, const Arrays& given, Fixing fixing) {
  const auto stored = stored_names(model);
  for (const auto& [name, tensor] : given) {
    if (!is_fixed(fixing, tensor) && !stored.contains(name)) continue;
    options.fixed.insert_or_assign(name, tensor);
    options.shapes.erase(name);
  }
  return onnx::import_model(graph, model, file.file.parent_path(), options);
}

void feed(OnnxFunction& made, const Arrays& given) {
  Bindings bindings;
  for (const onnx::ImportedInput& input : made.imported.inputs) {
    for (const Dim& size : input.value.shape()) {
      for (const std::string& symbol : size.symbols()) bindings[symbol] = kDefaultSize;
    }
  }
  PhiloxSequence random(1, 0);
  for (const onnx::ImportedInput& input : made.imported.inputs) {
    made.spec.inputs.push_back(input.value);
    const auto found = given.find(input.name);
    if (found != given.end()) {
      made.feeds.push_back(found->second);
    } else {
      const TensorType& type = input.value.type();
      made.feeds.push_back(random_numbers({type.dtype, type.shape.bind(bindings)}, random));
      made.drawn.push_back(input.name);
    }
  }
}

}  // namespace

void add_onnx_file(CLI::App& app, OnnxFile& file) {
  app.add_option("FILE", file.file, "The model")->required()->option_text(" ");
  app.add_option("--dim", file.dims, "The size of a symbol of the model, as batch=4")
      ->allow_extra_args(false)
      ->option_text("NAME=SIZE");
}

onnx::Options import_options(const OnnxFile& file) {
  onnx::Options options;
  for (const std::string& text : file.dims) {
    const std::size_t equals = text.find('=');
    std::int64_t size = 0;
    const char* const end = text.data() + text.size();
    const char* const number = text.data() + std::min(equals, text.size() - 1) + 1;
    const auto [stop, error] = std::from_chars(number, end, size);
    if (equals == std::string::npos || error != std::errc{} || stop != end || size < 0)
      throw Error(ErrorCode::invalid_argument, "--dim takes NAME=SIZE", {.actual = printable(text)});
    options.dims.insert_or_assign(text.substr(0, equals), Dim(size));
  }
  return options;
}

std::vector<const onnx::ValueInfoProto*> fed_inputs(const onnx::ModelProto& model) {
  const auto stored = stored_names(model);
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const onnx::ValueInfoProto& info : model.graph.input) {
    if (!stored.contains(info.name)) inputs.push_back(&info);
  }
  return inputs;
}

void add_onnx_inputs(CLI::App& app, std::vector<std::string>& flags) {
  app.add_option(
         "--input", flags,
         "An input's array: .npy, .npz:ARRAY, .csv:COLUMN or IDX; NAME= may be left out for a model with "
         "one input, and for an archive that has arrays of the inputs' names")
      ->allow_extra_args(false)
      ->option_text("[NAME=]FILE");
}

NamedFile named_file(const std::string& flag, const onnx::ModelProto& model) {
  const std::size_t equals = flag.find('=');
  if (equals == std::string::npos) return {.name = {}, .from = array_file(flag)};
  const std::string name = flag.substr(0, equals);
  const bool is_input =
      std::ranges::find(model.graph.input, name, &onnx::ValueInfoProto::name) != model.graph.input.end();
  const ArrayFile whole = array_file(flag);
  std::error_code ignored;
  if (!is_input && std::filesystem::exists(whole.file, ignored)) return {.name = {}, .from = whole};
  return {.name = name, .from = array_file(std::string_view(flag).substr(equals + 1))};
}

Arrays read_inputs(const std::vector<std::string>& flags, const onnx::ModelProto& model) {
  Arrays arrays;
  const auto inputs = fed_inputs(model);
  for (const std::string& flag : flags) {
    const auto [name, from] = named_file(flag, model);
    if (!name.empty()) {
      const onnx::ValueInfoProto& info = input_named(model, name);
      add_array(arrays, info, read_array(from, info.name));
    } else if (inputs.size() == 1) {
      add_array(arrays, *inputs[0], read_array(from, inputs[0]->name));
    } else if (from.is_archive() && from.part.empty()) {
      add_archive(arrays, model, from);
    } else {
      throw Error(ErrorCode::invalid_argument,
                  "--input takes NAME=FILE, because the model has several inputs",
                  {.expected = list_of(inputs), .actual = printable(flag)});
    }
  }
  return arrays;
}

void expect_all_inputs(const onnx::ModelProto& model, const Arrays& given, std::string_view flag) {
  const auto inputs = fed_inputs(model);
  std::vector<std::string> missing;
  for (const onnx::ValueInfoProto* input : inputs) {
    if (!given.contains(input->name)) missing.push_back(printable(input->name));
  }
  if (missing.empty()) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("no {} for {}; the model's inputs are {}", flag,
                                                       fmt::join(missing, ", "), list_of(inputs)));
}

OnnxFunction onnx_function(const onnx::ModelProto& model, const OnnxFile& file, const Arrays& given) {
  onnx::Options options = import_options(file);
  for (const auto& [name, tensor] : given) take_sizes(input_named(model, name), tensor, options);
  OnnxFunction made;
  for (const Fixing fixing : {Fixing::none, Fixing::small, Fixing::all}) {
    try {
      made.graph = std::make_unique<Graph>();
      made.imported = import_with(*made.graph, model, file, options, given, fixing);
      break;
    } catch (const Error& error) {
      const bool lacks_numbers = error.code() == ErrorCode::unsupported && !given.empty();
      if (!lacks_numbers || fixing == Fixing::all)
        throw Error(error.code(), fmt::format("{}: {}", printable(file.file.string()), error.message()),
                    error.trail());
    }
  }
  for (const onnx::ValueInfoProto* input : fed_inputs(model)) {
    const bool fed = std::ranges::find(made.imported.inputs, input->name, &onnx::ImportedInput::name) !=
                     made.imported.inputs.end();
    if (!fed) made.fixed.push_back(input->name);
  }
  feed(made, given);
  for (const onnx::ImportedOutput& output : made.imported.outputs) {
    for (std::size_t i = 0; i < output.values.size(); ++i) {
      made.spec.outputs.push_back(output.values[i]);
      made.outputs.push_back(output.is_sequence ? fmt::format("{}_{}", output.name, i) : output.name);
    }
  }
  return made;
}

}  // namespace weft::cli
