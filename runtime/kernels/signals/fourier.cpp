#include "weft/runtime/kernels/signals/fourier.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "weft/ops/fourier.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

/// What a transform is made of: `complex` to and from complex rows, or with real rows on one side.
struct FourierSpec {
  enum class Kind : std::uint8_t { complex, from_real, to_real };
  Kind kind = Kind::complex;
  std::int64_t rows = 0;
  std::int64_t length = 0;
  bool inverse = false;
  bool doubled = false;
  bool normalized = false;

  /// Of the complex transform that is computed: real numbers of an even length are taken two by two.
  std::int64_t steps() const { return kind == Kind::complex || length % 2 != 0 ? length : length / 2; }
  std::int64_t bins() const { return kind == Kind::complex ? length : length / 2 + 1; }
  double factor() const { return normalized ? 1.0 / static_cast<double>(length) : 1.0; }
};

std::optional<FourierSpec> fourier_spec_of(const KernelSite& site) {
  using Kind = FourierSpec::Kind;
  const auto size = [&](std::size_t axis) { return site.inputs[0].shape[axis].size(); };
  if (const auto* op = site.op.as<Fft>())
    return FourierSpec{Kind::complex, size(0), size(1), op->inverse, false, op->normalized};
  if (const auto* op = site.op.as<Rfft>())
    return FourierSpec{Kind::from_real, size(0), size(1), false, op->doubled, op->normalized};
  if (const auto* op = site.op.as<Irfft>())
    return FourierSpec{Kind::to_real, size(0), op->length.size(), true, op->doubled, op->normalized};
  return std::nullopt;
}

/// Some rows, `fourier_lanes` at a time.
template <typename T>
class FourierKernel final : public Kernel {
 public:
  using Complex = std::complex<double>;

  FourierKernel(const FourierSpec& spec, std::shared_ptr<const FourierPlan> plan, Range rows)
      : spec_(spec), plan_(std::move(plan)), rows_(rows), lanes_(vector_functions().fourier_lanes) {
    if (spec.kind == FourierSpec::Kind::complex || spec.length % 2 != 0) return;
    for (std::int64_t k = 0; k <= spec.length / 2; ++k) turns_.push_back(unit_root(k, spec.length));
  }

  std::size_t scratch_bytes() const override { return 2 * buffer_numbers() * sizeof(double); }

  void run(const KernelBuffers& buffers) override {
    const FourierTables tables{.length = static_cast<std::size_t>(spec_.steps()),
                               .factors = plan_->factors().data(),
                               .turns = reinterpret_cast<const double*>(plan_->turns().data())};
    in_ = reinterpret_cast<double*>(buffers.scratch);
    out_ = in_ + buffer_numbers();
    const auto lanes = static_cast<std::int64_t>(lanes_);
    for (std::int64_t row = rows_.begin; row < rows_.end; row += lanes) {
      const auto count = static_cast<std::size_t>(std::min(lanes, rows_.end - row));
      if (count < lanes_) std::fill(in_, in_ + buffer_numbers(), 0.0);
      const T* const x = reinterpret_cast<const T*>(buffers.inputs[0]) + row * x_row();
      T* const y = reinterpret_cast<T*>(buffers.outputs[0]) + row * y_row();
      for (std::size_t lane = 0; lane < count; ++lane)
        load(x + static_cast<std::int64_t>(lane) * x_row(), lane);
      vector_functions().fourier(tables, in_, out_);
      for (std::size_t lane = 0; lane < count; ++lane)
        store(y + static_cast<std::int64_t>(lane) * y_row(), lane);
    }
  }

 private:
  using Kind = FourierSpec::Kind;

  std::size_t buffer_numbers() const { return static_cast<std::size_t>(spec_.steps()) * 2 * lanes_; }
  std::int64_t x_row() const { return spec_.kind == Kind::from_real ? spec_.length : 2 * spec_.bins(); }
  std::int64_t y_row() const { return spec_.kind == Kind::to_real ? spec_.length : 2 * spec_.bins(); }

  /// The inverse transform is the transform with real and imaginary parts exchanged before and after.
  void put(std::int64_t k, std::size_t lane, const Complex& z) {
    double* const to = in_ + static_cast<std::size_t>(k) * 2 * lanes_ + lane;
    to[0] = spec_.inverse ? z.imag() : z.real();
    to[lanes_] = spec_.inverse ? z.real() : z.imag();
  }
  Complex got(std::int64_t k, std::size_t lane) const {
    const double* const from = out_ + static_cast<std::size_t>(k) * 2 * lanes_ + lane;
    return spec_.inverse ? Complex(from[lanes_], from[0]) : Complex(from[0], from[lanes_]);
  }

  static Complex product(const Complex& a, const Complex& b) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  }
  static Complex pair(const T* x, std::int64_t k) {
    return {static_cast<double>(x[2 * k]), static_cast<double>(x[2 * k + 1])};
  }
  static void write(T* y, std::int64_t k, const Complex& z, double scale) {
    y[2 * k] = static_cast<T>(scale * z.real());
    y[2 * k + 1] = static_cast<T>(scale * z.imag());
  }

  bool by_twos() const { return !turns_.empty(); }
  bool is_end(std::int64_t k) const { return k == 0 || 2 * k == spec_.length; }

  void load(const T* x, std::size_t lane) {
    const std::int64_t steps = spec_.steps();
    if (spec_.kind == Kind::complex || (spec_.kind == Kind::from_real && by_twos())) {
      for (std::int64_t k = 0; k < steps; ++k) put(k, lane, pair(x, k));
    } else if (spec_.kind == Kind::from_real) {
      for (std::int64_t k = 0; k < steps; ++k) put(k, lane, {static_cast<double>(x[k]), 0.0});
    } else {
      load_bins(x, lane);
    }
  }

  /// Element k of half a spectrum, as it counts.
  Complex bin(const T* x, std::int64_t k) const {
    const Complex z = pair(x, k);
    if (is_end(k)) return {z.real(), 0.0};
    return spec_.doubled ? z : 0.5 * z;
  }

  void load_bins(const T* x, std::size_t lane) {
    const std::int64_t steps = spec_.steps();
    if (!by_twos()) {
      put(0, lane, bin(x, 0));
      for (std::int64_t k = 1; k < spec_.bins(); ++k) {
        put(k, lane, bin(x, k));
        put(steps - k, lane, std::conj(bin(x, k)));
      }
      return;
    }
    for (std::int64_t k = 0; k < steps; ++k) {
      const Complex z = bin(x, k);
      const Complex mirrored = std::conj(bin(x, steps - k));
      const Complex odd = product(z - mirrored, std::conj(turns_[static_cast<std::size_t>(k)]));
      put(k, lane, z + mirrored + Complex(-odd.imag(), odd.real()));
    }
  }

  void store(T* y, std::size_t lane) const {
    const std::int64_t steps = spec_.steps();
    const double factor = spec_.factor();
    if (spec_.kind == Kind::complex || (spec_.kind == Kind::to_real && by_twos())) {
      for (std::int64_t k = 0; k < steps; ++k) write(y, k, got(k, lane), factor);
    } else if (spec_.kind == Kind::to_real) {
      for (std::int64_t k = 0; k < steps; ++k) y[k] = static_cast<T>(factor * got(k, lane).real());
    } else {
      store_bins(y, lane);
    }
  }

  void store_bins(T* y, std::size_t lane) const {
    const std::int64_t steps = spec_.steps();
    for (std::int64_t k = 0; k < spec_.bins(); ++k) {
      const double scale = spec_.doubled && !is_end(k) ? 2.0 * spec_.factor() : spec_.factor();
      Complex z = got(k % steps, lane);
      if (by_twos()) {
        const Complex mirrored = std::conj(got((steps - k) % steps, lane));
        const Complex gap = z - mirrored;
        const Complex odd(0.5 * gap.imag(), -0.5 * gap.real());
        z = 0.5 * (z + mirrored) + product(turns_[static_cast<std::size_t>(k)], odd);
      }
      write(y, k, is_end(k) ? Complex(z.real(), 0.0) : z, scale);
    }
  }

  FourierSpec spec_;
  std::shared_ptr<const FourierPlan> plan_;
  Range rows_;
  std::size_t lanes_;
  std::vector<Complex> turns_;  // exp(-2 pi i k / n) of real rows that are taken two by two
  double* in_ = nullptr;        // in scratch memory, as long as a run
  double* out_ = nullptr;
};

template <typename T>
KernelChoice fourier_choice(const FourierSpec& spec, const std::shared_ptr<const FourierPlan>& plan) {
  KernelChoice choice;
  choice.cut = {.extent = spec.rows, .inputs = {Portion::rows}};
  choice.make = [spec, plan](Range rows) { return std::make_unique<FourierKernel<T>>(spec, plan, rows); };
  return choice;
}

}  // namespace

std::optional<KernelChoice> fourier_kernel(const KernelSite& site) {
  const auto spec = fourier_spec_of(site);
  if (!spec) return std::nullopt;
  // For few rows most lanes would be idle, and long ones side by side would not stay in the cache.
  constexpr std::int64_t kLongest = std::int64_t{1} << 16;
  const auto lanes = static_cast<std::int64_t>(vector_functions().fourier_lanes);
  if (2 * spec->rows < lanes || spec->steps() > kLongest) return std::nullopt;
  if (!FourierPlan::has_small_factors(spec->steps())) return std::nullopt;
  const auto plan = std::make_shared<const FourierPlan>(spec->steps());
  KernelChoice choice = site.inputs[0].dtype == DType::f32 ? fourier_choice<float>(*spec, plan)
                                                           : fourier_choice<double>(*spec, plan);
  choice.work = work_of(site);
  choice.work.flops = static_cast<double>(spec->rows) * 5.0 * static_cast<double>(spec->steps()) *
                      std::log2(static_cast<double>(spec->steps()) + 1.0);
  return choice;
}

}  // namespace weft
