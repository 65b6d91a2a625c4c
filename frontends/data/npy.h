#pragma once
// NumPy's file of one array (numpy.lib.format, versions 1.0 to 3.0): "\x93NUMPY", a version, and the length
// of a header, which is the text of a Python dict with the element type, the order of the axes and the sizes;
// then the numbers. Plain or gzip. These functions keep no state; different threads may call them on
// different files.

#include <filesystem>
#include <string>

#include "weft/frontends/data/byte_source.h"
#include "weft/graph/tensor.h"

namespace weft::data {

/// The array as a tensor, row-major, in memory of its own, of any dtype but bf16, which NumPy does not have.
/// Arrays in the order of Fortran are transposed, big-endian numbers swapped.
///
/// The file is hostile until read: the header must be exactly what NumPy writes, but for spaces, the order of
/// its keys and Python 2's endings of numbers, and have at most 10,000 bytes, as for NumPy's own reader;
/// sizes multiply with overflow checks; a plain file is compared with its header before anything is
/// allocated, and memory for a compressed one grows with what it inflates to. Nothing in it is executed.
/// Throws Error(io) when the file is missing or unreadable; Error(bad_file) when it is no such file, is
/// truncated, goes on after its data, or has a bool that is neither 0 nor 1; Error(unsupported) for objects,
/// texts, records, dates and complex numbers.
Tensor read_npy(const std::filesystem::path& path);
/// The same for the bytes of a source, to its end; `name` stands before every complaint.
Tensor read_npy(ByteSource& source, const std::string& name);

/// Writes `tensor` so that NumPy and read_npy give it back; bf16 becomes f32, which holds its numbers. Gzip
/// when the name ends in ".gz", which read_npy inflates and NumPy does not. The write is atomic: into a
/// temporary file, which is synced and renamed. Throws Error(unsupported) for more than 32 axes, Error(io)
/// when the operating system refuses; the old file then stays.
void write_npy(const Tensor& tensor, const std::filesystem::path& path);

/// What a file of this array has before its numbers. Throws Error(unsupported) for what NumPy does not have.
std::string npy_header(const Tensor& tensor);
/// The tensor with a dtype that NumPy has: the same but for bf16.
Tensor for_numpy(const Tensor& tensor);

}  // namespace weft::data
