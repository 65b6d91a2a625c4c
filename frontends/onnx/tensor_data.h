#pragma once
// The numbers of a file's tensors. Numbers that are not in the model file lie in files below its folder: a
// location is a relative path without "..", and no part of it is a symbolic link, so that a model cannot have
// other files read.

#include <filesystem>

#include "weft/frontends/onnx/model.h"
#include "weft/graph/tensor.h"

namespace weft::onnx {

/// The tensor, in memory of its own. `folder` is that of the model file. Throws Error(bad_file) for sizes
/// that overflow or that the data do not fill exactly, and for a location that leaves the folder; Error(io)
/// where external data cannot be read; Error(unsupported) for a type that weft has no dtype for.
Tensor read_tensor(const TensorProto& proto, const std::filesystem::path& folder);
/// A sparse tensor as a dense one; its indices are linear, or a row for each value.
Tensor read_sparse_tensor(const SparseTensorProto& proto, const std::filesystem::path& folder);

}  // namespace weft::onnx
