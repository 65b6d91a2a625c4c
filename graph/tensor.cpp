#include "weft/graph/tensor.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "weft/graph/text.h"

namespace weft {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} * 1024 * 1024;

/// On huge pages, rows that are read here and there in a large tensor lie on fewer pages, and the system
/// hands out the memory in fewer steps. Only whole huge pages are asked for, so that no more memory is
/// resident.
std::shared_ptr<void> allocate(std::size_t bytes) {
  const bool huge = bytes >= 2 * kHugePage;
  const std::align_val_t alignment{huge ? kHugePage : kCacheLine};
  void* memory = ::operator new(std::max<std::size_t>(bytes, 1), alignment);
  if (huge) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a wish: it may fail
  return {memory, [alignment](void* block) { ::operator delete(block, alignment); }};
}

}  // namespace

Tensor Tensor::uninitialized(DType dtype, SizeList sizes) {
  auto memory = allocate(checked_bytes(sizes.span(), dtype));
  const std::int64_t elements = checked_elements(sizes.span());
  const void* data = memory.get();
  return Tensor(std::make_shared<const Block>(Block{.dtype = dtype,
                                                    .sizes = std::move(sizes).take(),
                                                    .elements = elements,
                                                    .data = data,
                                                    .writable = true,
                                                    .owner = std::move(memory)}));
}

Tensor Tensor::zeros(DType dtype, SizeList sizes) {
  Tensor tensor = uninitialized(dtype, std::move(sizes));
  std::memset(tensor.mutable_data(), 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::copy_of(const void* values, std::size_t count, DType dtype, SizeList sizes) {
  const std::int64_t elements = checked_elements(sizes.span());
  if (!std::cmp_equal(elements, count)) {
    throw Error(ErrorCode::shape_mismatch, "the number of values is not what the sizes say",
                {.expected = fmt::format("{} values for {}", elements, to_string(Shape::of(sizes.span()))),
                 .actual = std::to_string(count)});
  }
  Tensor tensor = uninitialized(dtype, std::move(sizes));
  if (tensor.bytes() > 0) std::memcpy(tensor.mutable_data(), values, tensor.bytes());
  return tensor;
}

Tensor Tensor::of(const std::vector<bool>& values, SizeList sizes) {
  const auto copy = std::make_unique<bool[]>(values.size());
  std::ranges::copy(values, copy.get());
  return copy_of(copy.get(), values.size(), DType::boolean, std::move(sizes));
}
Tensor Tensor::of(const std::vector<bool>& values) { return of(values, {values.size()}); }

Tensor Tensor::borrow(const void* data, DType dtype, SizeList sizes, std::shared_ptr<const void> keep_alive) {
  checked_bytes(sizes.span(), dtype);
  const std::int64_t elements = checked_elements(sizes.span());
  return Tensor(std::make_shared<const Block>(Block{.dtype = dtype,
                                                    .sizes = std::move(sizes).take(),
                                                    .elements = elements,
                                                    .data = data,
                                                    .writable = false,
                                                    .owner = std::move(keep_alive)}));
}

const Tensor::Block& Tensor::block() const {
  if (!block_) throw Error(ErrorCode::invalid_argument, "an empty tensor was used");
  return *block_;
}

void* Tensor::mutable_data() {
  if (!block().writable) throw Error(ErrorCode::invalid_argument, "borrowed memory is read-only");
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the memory is ours, see `writable`
  return const_cast<void*>(block().data);
}

void Tensor::expect_dtype(DType dtype) const {
  if (block().dtype != dtype) {
    throw Error(ErrorCode::dtype_mismatch, "a tensor was read as another dtype",
                {.expected = std::string(name_of(dtype)), .actual = std::string(name_of(block().dtype))});
  }
}

void Tensor::expect_single() const {
  if (elements() != 1) {
    throw Error(ErrorCode::shape_mismatch, "item() needs a tensor with one element",
                {.actual = to_string(type())});
  }
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t count) const {
  const Block& whole = block();
  if (whole.sizes.empty() || begin < 0 || count < 0 || begin > whole.sizes[0] - count) {
    throw Error(ErrorCode::out_of_range,
                fmt::format("there are no {} rows from row {} of {}", count, begin, to_string(type())));
  }
  Block view = whole;
  view.sizes[0] = count;
  view.elements = checked_elements(view.sizes);
  const std::int64_t row = whole.sizes[0] == 0 ? 0 : whole.elements / whole.sizes[0];
  view.data = static_cast<const std::byte*>(whole.data) +
              static_cast<std::size_t>(begin * row) * size_of(whole.dtype);
  return Tensor(std::make_shared<const Block>(std::move(view)));
}

Tensor Tensor::reshaped(SizeList sizes) const {
  if (checked_elements(sizes.span()) != elements()) {
    throw Error(
        ErrorCode::shape_mismatch, "a reshape must keep the number of elements",
        {.expected = to_string(Shape::of(this->sizes())), .actual = to_string(Shape::of(sizes.span()))});
  }
  Block view = block();
  view.sizes = std::move(sizes).take();
  return Tensor(std::make_shared<const Block>(std::move(view)));
}

Tensor Tensor::clone() const {
  Tensor copy = uninitialized(dtype(), sizes());
  if (bytes() > 0) std::memcpy(copy.mutable_data(), data(), bytes());
  return copy;
}

bool identical(const Tensor& a, const Tensor& b) {
  if (a.empty() || b.empty()) return a.empty() && b.empty();
  if (a.dtype() != b.dtype() || !std::ranges::equal(a.sizes(), b.sizes())) return false;
  return a.data() == b.data() || a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

std::string to_string(const Tensor& tensor) {
  if (tensor.empty()) return "empty tensor";
  constexpr std::int64_t kShown = 8;
  std::string text = to_string(tensor.type()) + " {";
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    const auto values = tensor.values<T>();
    for (std::int64_t i = 0; i < std::min(tensor.elements(), kShown); ++i) {
      text += fmt::format("{}{}", i == 0 ? "" : ", ", printable(values[static_cast<std::size_t>(i)]));
    }
  });
  return text + (tensor.elements() > kShown ? ", ...}" : "}");
}

}  // namespace weft
