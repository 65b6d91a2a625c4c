#pragma once
// A sparse matrix that the compiler makes of a resident tensor to skip its zeros. Beside those that users
// make (graph/sparse_tensor.h) its columns may be u16. It is made once for a tensor and shared by all plans
// of a session.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/ops/left_side.h"

namespace weft {

class ThreadPool;

/// Rows [first_row, last_row) and columns [first_column, last_column) of a tensor [rows, ...], whose axes
/// behind the first count as one.
struct Window {
  std::int64_t first_row = 0;
  std::int64_t last_row = 0;
  std::int64_t first_column = 0;
  std::int64_t last_column = 0;
  std::int64_t rows() const { return last_row - first_row; }
  std::int64_t columns() const { return last_column - first_column; }
  friend bool operator==(const Window&, const Window&) = default;
};

/// The whole of a tensor with at least one axis.
Window whole_of(const Tensor& tensor);

/// The non-zeros of a window: how many there are in all, in each row and in each column. A NaN is not a zero;
/// -0 is.
struct Density {
  std::int64_t nonzeros = 0;
  std::int64_t fullest_row = 0;
  std::int64_t used_columns = 0;              // columns with at least one non-zero
  std::vector<std::int64_t> row_ends{};       // for each row: the non-zeros up to its end
  std::vector<std::int64_t> column_counts{};  // for each column
};

/// Reads the window once, with the threads of `pool` if there is one. `tensor` is u8 or f32.
Density measure_density(const Tensor& tensor, const Window& window, ThreadPool* pool = nullptr);

struct RowStore {
  RowLayout layout;
  /// Begins and ends, i64 [rows]; columns, u16 or i32, and values, with room for more than the non-zeros.
  std::array<Tensor, 4> parts;

  StoredRows rows() const;
};

/// `density` is the result of measure_density for the same window.
RowStore make_row_store(const Tensor& tensor, const Window& window, const Density& density,
                        ThreadPool* pool = nullptr);

/// What a session has measured and stored, once for each window of a tensor. It keeps the tensors alive. One
/// thread at a time may use it.
class RowStores {
 public:
  /// `pool` must outlive this object; without a pool the calling thread does everything.
  explicit RowStores(ThreadPool* pool = nullptr) : pool_(pool) {}

  const Density& density(const Tensor& tensor, const Window& window);
  const RowStore& store(const Tensor& tensor, const Window& window);

 private:
  struct Entry {
    Tensor tensor;
    Window window;
    Density density;
    std::unique_ptr<RowStore> store;
  };
  Entry& entry(const Tensor& tensor, const Window& window);
  ThreadPool* pool_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace weft
