#pragma once
// A model as its file has it: the messages of onnx.proto3 (IR version 8 and before), as plain structs. Fields
// carry the schema's names; the numbers beside them are the schema's. What is missing has the default that
// the schema gives it. Values, which can be copied; tensors' bytes and inner graphs are shared.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/dtype.h"

namespace weft::onnx {

/// Bytes that `owner` keeps alive.
struct SharedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

struct StringStringEntry {
  std::string key;    // 1
  std::string value;  // 2
};

struct OperatorSetId {
  std::string domain;        // 1; "" is ONNX's own
  std::int64_t version = 0;  // 2
};

/// TensorProto.DataType.
enum class DataType : std::int32_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  complex64 = 14,
  complex128 = 15,
  bf16 = 16
};

/// Which fields of a tensor hold the numbers of a type that are not in raw_data.
enum class TypedField : std::uint8_t { none, float_data, int32_data, int64_data, double_data, uint64_data };

/// One line of the table of data types. A type that weft does not compute with has no dtype.
struct DataTypeEntry {
  DataType type;
  std::string_view name;
  std::size_t bytes;  // of an element in raw_data; 0: it has no raw form
  TypedField field;
  std::optional<DType> dtype;
};
/// Null for a number that is not in the table.
const DataTypeEntry* data_type_entry(DataType type);
/// The dtype of a type. Throws Error(unsupported), which names it, where there is none.
DType dtype_of(DataType type);
DataType data_type_of(DType dtype);
/// "f16", or "type 99" for a number that is not in the table.
std::string name_of(DataType type);

struct TensorProto {
  std::vector<std::int64_t> dims;                // 1
  DataType data_type = DataType::undefined;      // 2
  std::vector<float> float_data;                 // 4
  std::vector<std::int32_t> int32_data;          // 5
  std::vector<std::string> string_data;          // 6
  std::vector<std::int64_t> int64_data;          // 7
  std::string name;                              // 8
  std::optional<SharedBytes> raw_data;           // 9
  std::vector<double> double_data;               // 10
  std::vector<std::uint64_t> uint64_data;        // 11
  std::string doc_string;                        // 12
  std::vector<StringStringEntry> external_data;  // 13
  bool external = false;                         // 14, data_location
};

struct SparseTensorProto {
  TensorProto values;              // 1
  TensorProto indices;             // 2
  std::vector<std::int64_t> dims;  // 3
};

/// TensorShapeProto.Dimension: a number, a name, or neither.
struct Dimension {
  std::optional<std::int64_t> dim_value;  // 1
  std::string dim_param;                  // 2
};

struct TypeProto {
  enum class Kind : std::uint8_t { none, tensor, sequence, optional, map, sparse_tensor };
  Kind kind = Kind::none;
  DataType elem_type = DataType::undefined;     // of a tensor
  std::optional<std::vector<Dimension>> shape;  // of a tensor; absent: of any rank
  std::shared_ptr<const TypeProto> elem;        // of a sequence or an optional
};

struct ValueInfoProto {
  std::string name;        // 1
  TypeProto type;          // 2
  std::string doc_string;  // 3
};

struct GraphProto;

struct AttributeProto {
  enum class Type : std::int32_t {
    undefined = 0,
    f32 = 1,
    integer = 2,
    string = 3,
    tensor = 4,
    graph = 5,
    f32s = 6,
    integers = 7,
    strings = 8,
    tensors = 9,
    graphs = 10,
    sparse_tensor = 11,
    sparse_tensors = 12,
    type = 13,
    types = 14
  };
  std::string name;                                         // 1
  float f = 0.0F;                                           // 2
  std::int64_t i = 0;                                       // 3
  std::string s;                                            // 4, bytes
  std::shared_ptr<const TensorProto> t;                     // 5
  std::shared_ptr<const GraphProto> g;                      // 6
  std::vector<float> floats;                                // 7
  std::vector<std::int64_t> ints;                           // 8
  std::vector<std::string> strings;                         // 9
  std::vector<std::shared_ptr<const TensorProto>> tensors;  // 10
  std::vector<std::shared_ptr<const GraphProto>> graphs;    // 11
  std::string doc_string;                                   // 13
  std::shared_ptr<const TypeProto> tp;                      // 14
  Type type = Type::undefined;                              // 20
  std::string ref_attr_name;                                // 21: in a function, the attribute of its caller
  std::shared_ptr<const SparseTensorProto> sparse_tensor;   // 22
};

struct NodeProto {
  std::vector<std::string> input;         // 1; "" is an absent one
  std::vector<std::string> output;        // 2
  std::string name;                       // 3
  std::string op_type;                    // 4
  std::vector<AttributeProto> attribute;  // 5
  std::string doc_string;                 // 6
  std::string domain;                     // 7
};

struct GraphProto {
  std::vector<NodeProto> node;                        // 1
  std::string name;                                   // 2
  std::vector<TensorProto> initializer;               // 5
  std::string doc_string;                             // 10
  std::vector<ValueInfoProto> input;                  // 11
  std::vector<ValueInfoProto> output;                 // 12
  std::vector<ValueInfoProto> value_info;             // 13
  std::vector<SparseTensorProto> sparse_initializer;  // 15
};

struct FunctionProto {
  std::string name;                             // 1
  std::vector<std::string> input;               // 4
  std::vector<std::string> output;              // 5
  std::vector<std::string> attribute;           // 6: names of attributes without a default
  std::vector<NodeProto> node;                  // 7
  std::string doc_string;                       // 8
  std::vector<OperatorSetId> opset_import;      // 9
  std::string domain;                           // 10
  std::vector<AttributeProto> attribute_proto;  // 11: those with one
  std::vector<ValueInfoProto> value_info;       // 12
};

struct ModelProto {
  std::int64_t ir_version = 0;                    // 1
  std::string producer_name;                      // 2
  std::string producer_version;                   // 3
  std::string domain;                             // 4
  std::int64_t model_version = 0;                 // 5
  std::string doc_string;                         // 6
  GraphProto graph;                               // 7
  std::vector<OperatorSetId> opset_import;        // 8
  std::vector<StringStringEntry> metadata_props;  // 14
  bool has_training_info = false;                 // 20, which is not read
  std::vector<FunctionProto> functions;           // 25
};

/// Keys in the metadata_props of models that weft wrote: the names of the initializers that are parameters,
/// one a line; and, before the name of a parameter that the model updates, that of the output with its next
/// value.
inline constexpr std::string_view kParametersKey = "weft.parameters";
inline constexpr std::string_view kUpdateKey = "weft.update.";
/// As JSON: the functions of a model with several (model_file.h), the seed and random position of the
/// session, and the graph that the model was saved from (saved_graph.h).
inline constexpr std::string_view kFunctionsKey = "weft.functions";
inline constexpr std::string_view kSessionKey = "weft.session";
inline constexpr std::string_view kGraphKey = "weft.graph";
/// The domain of the functions of a model beside the first (model_functions.h).
inline constexpr std::string_view kFunctionDomain = "weft";

}  // namespace weft::onnx
