#pragma once
// IDX, the file format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, a type code, the rank,
// one big-endian 32-bit size for each dimension, then the elements, big-endian, row-major. Plain or gzip.
// These functions keep no state; different threads may call them on different files.

#include <filesystem>

#include "weft/graph/tensor.h"

namespace weft::data {

/// The tensor that the file holds: u8, i32, f32 or f64, of rank 1 or more, in memory of its own. Signed
/// elements of 8 and 16 bits become i32.
///
/// The file is hostile until read: sizes multiply with overflow checks, a plain file is compared with its
/// header before anything is allocated, and memory for a gzip file grows with what it inflates to. Throws
/// Error(io) when the file is missing or unreadable; Error(bad_file) when it is not IDX, is truncated, goes
/// on after its data, or is broken gzip; Error(unsupported) for other compressions. Every message is one line
/// with the path, what was expected and what came.
Tensor read_idx(const std::filesystem::path& path);

/// Writes `tensor` so that read_idx gives it back; gzip when the name ends in ".gz". The write is atomic:
/// into a temporary file, which is synced and renamed. Throws Error(unsupported) for a dtype, rank or size
/// that IDX cannot hold, Error(io) when the operating system refuses; the old file then stays.
void write_idx(const Tensor& tensor, const std::filesystem::path& path);

}  // namespace weft::data
