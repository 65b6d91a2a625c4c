#include "weft/frontends/verify/certify.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/verify/batch_check.h"
#include "weft/frontends/verify/derivative_check.h"
#include "weft/frontends/verify/engine_check.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/promise_check.h"

namespace weft::verify {
namespace {

std::string describe(const Sample& sample) {
  std::string text = to_string(sample.op) + " of";
  for (const Tensor& input : sample.inputs) text += " " + to_string(input.type());
  return text;
}

class Trial {
 public:
  Trial(const Specification& specification, const Options& options)
      : specification_(specification), options_(options) {
    certificate_.op = specification.op;
    certificate_.gradient = specification.replaces_gradient ? "replaced on purpose" : "verified";
  }

  Certificate run() {
    for (std::size_t i = 0; i < specification_.samplers.size(); ++i) {
      for (int round = 0; round < options_.samples; ++round) try_sample(i, round);
    }
    for (const Refusal& refusal : specification_.refusals) {
      report(check_refusal(refusal));
      ++certificate_.refusals;
    }
    return std::move(certificate_);
  }

 private:
  void try_sample(std::size_t sampler, int round) {
    const auto source = [&](std::string_view part, SampleSize size) {
      return SampleSource(options_.seed, fmt::format("{} {} {} {}", specification_.op, sampler, round, part),
                          size);
    };
    SampleSource small = source("small", SampleSize::small);
    SampleSource large = source("large", SampleSize::large);
    const Sample sample = specification_.samplers[sampler](small);
    if (const auto none = sample.op.no_gradient()) {
      certificate_.gradient = fmt::format("none: {}", none->reason);
    }
    ++certificate_.samples;
    guarded(sample, [&] { report_of(sample, check_promises(sample)); });
    guarded(sample, [&] { check_derivatives(sample, small); });
    guarded(sample, [&] {
      const bool differentiate = !sample.op.no_gradient() && !specification_.replaces_gradient;
      report_of(sample, check_batch(sample, differentiate).failures);
    });
    const Sample wide = specification_.samplers[sampler](large);
    guarded(wide, [&] { check_fast_ways(wide); });
    if (const auto& domain = specification_.domain) {
      Sample far = wide;
      for (Tensor& input : far.inputs) {
        if (!is_float(input.dtype())) continue;
        const Sizes sizes(input.sizes().begin(), input.sizes().end());
        input = large.extreme(sizes, domain->low, domain->high, input.dtype());
      }
      guarded(far, [&] { report_of(far, check_extremes(far, domain->bound).failures); });
    }
  }

  void check_derivatives(const Sample& sample, SampleSource& source) {
    if (sample.op.no_gradient() || specification_.replaces_gradient) return;
    const GraphFunction function = function_of(sample.op);
    const auto keep = [&](double& worst, const Worst& found, double bound, std::string_view what) {
      worst = std::max(worst, found.error);
      if (found.error <= bound) return;
      certificate_.gradient = "wrong";
      report_of(sample, {fmt::format("{} is off by {} ({})", what, found.error, found.where)});
    };
    keep(certificate_.gradient_error, gradient_error(function, sample.inputs, source), kGradientBound,
         "its gradient");
    keep(certificate_.second_error, second_gradient_error(function, sample.inputs, source), kSecondBound,
         "the gradient of its gradient");
    keep(certificate_.forward_error, forward_error(function, sample.inputs, source), kForwardBound,
         "its forward mode");
  }

  void check_fast_ways(const Sample& sample) {
    for (const DType dtype : {f32, f64}) {
      const KernelFindings found = check_kernels(sample, dtype);
      double& worst = dtype == f32 ? certificate_.kernel_error_f32 : certificate_.kernel_error_f64;
      worst = std::max(worst, found.worst);
      for (const std::string_view kernel : found.kernels) {
        if (std::ranges::find(certificate_.kernels, kernel) == certificate_.kernels.end()) {
          certificate_.kernels.emplace_back(kernel);
        }
      }
      report_of(sample, found.failures);
      report_of(sample, check_engine(sample, dtype));
    }
  }

  /// An op that throws on its own samples has failed; the other checks continue.
  template <typename Check>
  void guarded(const Sample& sample, const Check& check) {
    try {
      check();
    } catch (const std::exception& error) {
      report_of(sample, {error.what()});
    }
  }

  void report(const std::vector<std::string>& findings) {
    for (const std::string& finding : findings) certificate_.failures.push_back(finding);
  }
  void report_of(const Sample& sample, const std::vector<std::string>& findings) {
    for (const std::string& finding : findings) {
      certificate_.failures.push_back(
          fmt::format("{}: {} (seed {})", describe(sample), finding, options_.seed));
    }
  }

  const Specification& specification_;
  Options options_;
  Certificate certificate_;
};

}  // namespace
}  // namespace weft::verify

namespace weft {

verify::Certificate certify(const verify::Specification& specification, const verify::Options& options) {
  return verify::Trial(specification, options).run();
}

verify::Certificate certify(const Op& op,
                            const std::function<std::vector<Tensor>(verify::SampleSource&)>& inputs,
                            const verify::Options& options) {
  const verify::Sampler sampler = [&](verify::SampleSource& source) {
    return verify::Sample{.op = op, .inputs = inputs(source)};
  };
  return certify({.op = op.name(), .summary = {}, .samplers = {sampler}, .refusals = {}}, options);
}

}  // namespace weft
