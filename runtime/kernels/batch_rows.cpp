#include "weft/runtime/kernels/batch_rows.h"

#include "weft/runtime/cache.h"

namespace weft {

std::size_t BatchRows::scratch_bytes() const {
  return whole_lines(static_cast<std::size_t>(2 * most_) * sizeof(std::int64_t));
}

StoredRows BatchRows::of(const StoredRows& x, const std::int32_t* numbers, Range rows,
                         std::byte* scratch) const {
  StoredRows view = x;
  if (numbers == nullptr && part_.is_all()) {
    view.begins += rows.begin;
    view.ends += rows.begin;
    return view;
  }
  const auto count = static_cast<std::size_t>(rows.end - rows.begin);
  const std::span begins{reinterpret_cast<std::int64_t*>(scratch), count};
  const std::span ends{begins.data() + most_, count};
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t place = rows.begin + static_cast<std::int64_t>(i);
    const std::int64_t row = numbers != nullptr ? std::int64_t{numbers[place]} : place;
    begins[i] = x.begins[row];
    ends[i] = x.ends[row];
  }
  part_.narrow(x, begins, ends);
  view.begins = begins.data();
  view.ends = ends.data();
  return view;
}

}  // namespace weft
