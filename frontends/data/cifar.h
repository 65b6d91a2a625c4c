#pragma once
// The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): pictures of 32 x 32 pixels in three colours,
// one record after the other, plain or gzip.

#include <filesystem>
#include <span>

#include "weft/graph/tensor.h"

namespace weft::data {

struct ColourPictures {
  Tensor images;       // u8 [n, 3, 32, 32]: red, green and blue
  Tensor labels;       // u8 [n]: 0..9, or 0..99
  Tensor coarse = {};  // u8 [n]: 0..19 of CIFAR-100; otherwise empty
};

/// Of one file with records of a label and 3,072 bytes, such as data_batch_1.bin. Throws Error(io), and
/// Error(bad_file) for a file that ends within a record, for a label above 9, with its record, and for a file
/// without records.
ColourPictures read_cifar10(const std::filesystem::path& path);
/// The pictures of several files, one after the other.
ColourPictures read_cifar10(std::span<const std::filesystem::path> paths);
/// Of a file with records of a coarse label, a fine one and 3,072 bytes, such as train.bin.
ColourPictures read_cifar100(const std::filesystem::path& path);

}  // namespace weft::data
