#include <algorithm>
#include <cstring>
#include <numeric>

#include "weft/ops/linalg.h"
#include "weft/runtime/kernels/linalg/linalg.h"
#include "weft/runtime/kernels/linalg/triangles.h"
#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

/// A batch of systems, or the shard of it that one thread solves.
struct TriangularSystems {
  TriangularSolve op;
  std::int64_t n = 0;
  std::int64_t columns = 0;  // of a right side
  Range matrices{};
  Range own_columns{};
};

template <typename T>
class TriangularSolveKernel final : public Kernel {
 public:
  explicit TriangularSolveKernel(const TriangularSystems& systems) : of_(systems) {}

  std::size_t scratch_bytes() const override {
    return triangle_bytes() + solution_bytes() + triangle_scratch_bytes(of_.n, own_columns());
  }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t matrix = of_.matrices.begin; matrix < of_.matrices.end; ++matrix) {
      const std::int64_t at = matrix * of_.n * of_.columns + of_.own_columns.begin;
      const T* b = reinterpret_cast<const T*>(buffers.inputs[1]) + at;
      T* x = reinterpret_cast<T*>(buffers.outputs[0]) + at;
      const T* a = reinterpret_cast<const T*>(buffers.inputs[0]) + matrix * of_.n * of_.n;
      if constexpr (kInPlace) {
        if (x != b) copy_rows(b, of_.columns, x, of_.columns);
        solve(a, {.data = x, .row = of_.columns, .column = 1}, buffers.scratch);
      } else {
        auto* triangle = reinterpret_cast<double*>(buffers.scratch);
        auto* solution = reinterpret_cast<double*>(buffers.scratch + triangle_bytes());
        std::copy_n(a, of_.n * of_.n, triangle);
        copy_rows(b, of_.columns, solution, own_columns());
        solve(triangle, {.data = solution, .row = own_columns(), .column = 1}, buffers.scratch);
        copy_rows(solution, own_columns(), x, of_.columns);
      }
    }
  }

 private:
  static constexpr bool kInPlace = std::is_same_v<T, double>;

  std::int64_t own_columns() const { return of_.own_columns.end - of_.own_columns.begin; }
  /// Of the copies in f64.
  std::size_t triangle_bytes() const { return kInPlace ? 0 : doubles(of_.n * of_.n); }
  std::size_t solution_bytes() const { return kInPlace ? 0 : doubles(of_.n * own_columns()); }
  static std::size_t doubles(std::int64_t count) {
    return whole_lines(static_cast<std::size_t>(count) * sizeof(double));
  }

  template <typename From, typename To>
  void copy_rows(const From* from, std::int64_t from_row, To* to, std::int64_t to_row) const {
    for (std::int64_t row = 0; row < of_.n; ++row) {
      const From* x = from + row * from_row;
      std::transform(x, x + own_columns(), to + row * to_row,
                     [](From number) { return static_cast<To>(number); });
    }
  }

  void solve(const double* a, Strided<double> x, std::byte* scratch) const {
    const Strided<const double> stored{.data = a, .row = of_.n, .column = 1};
    const Triangle triangle{.t = of_.op.transposed ? stored.turned() : stored,
                            .n = of_.n,
                            .lower = of_.op.lower != of_.op.transposed,
                            .unit_diagonal = of_.op.unit_diagonal};
    if (of_.columns == 1) return solve_triangle_once(triangle, x.data);
    solve_triangle(triangle, x, own_columns(), scratch + triangle_bytes() + solution_bytes());
  }

  TriangularSystems of_;
};

/// How many columns of a right side a shard takes at least: a cache line where their number allows.
std::int64_t columns_together(const TriangularSystems& all) {
  constexpr std::int64_t kMost = 16;
  return std::gcd(std::max<std::int64_t>(all.columns, 1), kMost);
}

Cut cut_of_systems(const TriangularSystems& all, const TensorType& x) {
  if (x.shape.rank() > 2)
    return {.extent = row_count(x), .inputs = {Portion::rows, Portion::rows}, .seamless = true};
  return {.extent = std::max<std::int64_t>(all.columns / columns_together(all), 1),
          .inputs = {Portion::whole, Portion::columns},
          .outputs = Portion::columns,
          .seamless = true};
}

}  // namespace

std::optional<KernelChoice> triangular_solve_kernel(const KernelSite& site) {
  const auto* op = site.op.as<TriangularSolve>();
  if (op == nullptr) return std::nullopt;
  const TensorType& x = site.outputs[0];
  const auto sizes = x.shape.sizes();
  TriangularSystems all{.op = *op, .n = sizes[sizes.size() - 2], .columns = sizes.back()};
  all.own_columns.end = all.columns;
  all.matrices.end = x.shape.elements() == 0 ? 0 : x.shape.elements() / (all.n * all.columns);
  KernelChoice choice;
  choice.cut = cut_of_systems(all, x);
  choice.in_place = {{.output = 0, .input = 1}};
  choice.work = work_of(site);
  choice.work.flops = static_cast<double>(x.shape.elements()) * static_cast<double>(all.n);
  const bool single = x.dtype == DType::f32;
  choice.make = [all, single, cut = choice.cut](Range range) -> std::unique_ptr<Kernel> {
    TriangularSystems own = all;
    if (cut.outputs == Portion::columns && cut.extent > 1) {
      const std::int64_t together = columns_together(all);
      own.own_columns = {.begin = range.begin * together, .end = range.end * together};
    } else if (cut.extent > 1) {
      const std::int64_t each = all.matrices.end / cut.extent;
      own.matrices = {.begin = range.begin * each, .end = range.end * each};
    }
    if (single) return std::make_unique<TriangularSolveKernel<float>>(own);
    return std::make_unique<TriangularSolveKernel<double>>(own);
  };
  return choice;
}

}  // namespace weft
