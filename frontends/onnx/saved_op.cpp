#include "weft/frontends/onnx/saved_op.h"

#include <algorithm>
#include <cmath>

#include "weft/frontends/onnx/formula.h"

namespace weft::onnx {
namespace {

/// Makes a Dim of a formula.
struct DimMaker {
  using Term = Dim;
  static Dim negative(const Dim& a) { return Dim(0) - a; }
  static Dim sum(const Dim& a, const Dim& b) { return a + b; }
  static Dim difference(const Dim& a, const Dim& b) { return a - b; }
  static Dim product(const Dim& a, const Dim& b) {
    constexpr std::size_t kMost = 1024;  // characters, since products of long sums need much memory
    if (to_string(a).size() + to_string(b).size() > kMost) fail();
    return a * b;
  }
  static Dim quotient(const Dim& a, const Dim& b) { return floor_div(a, b); }
  static Dim number(std::int64_t number) { return {number}; }
  static Dim symbol(std::string_view name) { return {name}; }
  [[noreturn]] static void fail() { throw Error(ErrorCode::bad_file, "a size has an unknown form"); }
};

}  // namespace

Json saved(double number) {
  if (std::isfinite(number)) return number;
  if (std::isnan(number)) return "nan";  // JSON has no such numbers
  return number > 0.0 ? "inf" : "-inf";
}
void restore(const Json& json, double& number) {
  if (json.is_number()) {
    number = json.get<double>();
    return;
  }
  const auto text = json.get<std::string>();
  if (text == "nan") {
    number = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "inf" || text == "-inf") {
    number = text == "inf" ? HUGE_VAL : -HUGE_VAL;
  } else {
    throw Error(ErrorCode::bad_file, "an attribute is no number");
  }
}

Json saved(const std::string& text) { return text; }
void restore(const Json& json, std::string& text) { text = json.get<std::string>(); }

Json saved(DType dtype) { return std::string(name_of(dtype)); }
void restore(const Json& json, DType& dtype) {
  const auto name = json.get<std::string>();
  const auto* const found =
      std::ranges::find_if(kDTypes, [&](DType known) { return name_of(known) == name; });
  if (found == kDTypes.end()) throw Error(ErrorCode::bad_file, "an attribute is no dtype");
  dtype = *found;
}

Json saved(const Dim& size) {
  if (size.is_number()) return size.size();
  return to_string(size);
}
void restore(const Json& json, Dim& size) {
  if (json.is_number_integer()) {
    std::int64_t number = 0;
    restore(json, number);
    size = number;
    return;
  }
  const auto text = json.get<std::string>();
  DimMaker make;
  size = FormulaReader(make, text).read();
  if (to_string(size) != text) DimMaker::fail();
}

Json saved(const Shape& shape) { return saved(shape.dims()); }
void restore(const Json& json, Shape& shape) {
  if (!json.is_array()) throw Error(ErrorCode::bad_file, "an attribute is no shape");
  std::vector<Dim> dims;
  for (const Json& each : json) restore(each, dims.emplace_back(0));
  shape = Shape(std::move(dims));
}

Json saved(const TensorType& type) { return {{"dtype", saved(type.dtype)}, {"shape", saved(type.shape)}}; }
void restore(const Json& json, TensorType& type) {
  restore(json.at("dtype"), type.dtype);
  restore(json.at("shape"), type.shape);
}

// The number by its kind, since 2, 2.0 and an unsigned 2 are three scalars.
Json saved(const Scalar& number) {
  if (number == Scalar(number.as_double())) return {{"float", saved(number.as_double())}};
  const long double exact = number.as_long_double();
  if (exact < 0.0L || number == Scalar(static_cast<std::int64_t>(exact)))
    return {{"signed", static_cast<std::int64_t>(exact)}};
  return {{"unsigned", static_cast<std::uint64_t>(exact)}};
}
void restore(const Json& json, Scalar& number) {
  if (json.contains("float")) {
    double value = 0.0;
    restore(json.at("float"), value);
    number = Scalar(value);
  } else if (json.contains("signed")) {
    std::int64_t value = 0;
    restore(json.at("signed"), value);
    number = Scalar(value);
  } else {
    std::uint64_t value = 0;
    restore(json.at("unsigned"), value);
    number = Scalar(value);
  }
}

}  // namespace weft::onnx
