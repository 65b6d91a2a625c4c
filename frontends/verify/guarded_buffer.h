#pragma once
// Memory that shows what a kernel did to it: canaries stand before and after it, and every byte starts as
// 0xFF, which makes every float a NaN. A kernel that writes outside breaks a canary; one that leaves an
// element out leaves a NaN.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "weft/graph/kernel_args.h"

namespace weft::verify {

class GuardedBuffer {
 public:
  /// Room for a tensor of this dtype and sizes, aligned to 64 bytes.
  GuardedBuffer(DType dtype, std::span<const std::int64_t> sizes)
      : dtype_(dtype),
        sizes_(sizes.begin(), sizes.end()),
        bytes_(checked_bytes(sizes, dtype)),
        memory_(bytes_ + 2 * kGuard + kAlignment, kCanary) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) + kGuard;
    offset_ = kGuard + (kAlignment - address % kAlignment) % kAlignment;
    std::ranges::fill(contents(), kFill);
  }

  /// What a kernel is given to write to.
  Arg arg() {
    return {.dtype = dtype_,
            .sizes = sizes_,
            .data = memory_.data() + offset_,
            .elements = checked_elements(sizes_)};
  }
  /// The memory as a tensor, which borrows it.
  Tensor tensor() const { return Tensor::borrow(memory_.data() + offset_, dtype_, sizes_); }

  std::span<std::byte> contents() { return std::span(memory_).subspan(offset_, bytes_); }

  /// No byte outside was written.
  bool intact() const {
    const std::span<const std::byte> all(memory_);
    const auto is_canary = [](std::byte byte) { return byte == kCanary; };
    return std::ranges::all_of(all.first(offset_), is_canary) &&
           std::ranges::all_of(all.subspan(offset_ + bytes_), is_canary);
  }

 private:
  static constexpr std::size_t kGuard = 256;
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::byte kCanary{0xA5};
  static constexpr std::byte kFill{0xFF};

  DType dtype_;
  std::vector<std::int64_t> sizes_;
  std::size_t bytes_;
  std::vector<std::byte> memory_;
  std::size_t offset_ = 0;
};

}  // namespace weft::verify
