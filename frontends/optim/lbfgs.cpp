#include "weft/frontends/optim/lbfgs.h"

#include <fmt/format.h>
#include <lbfgs.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <memory>
#include <new>

#include "weft/autodiff/gradients.h"
#include "weft/graph/text.h"

namespace weft::optim {
namespace {

/// Numbers in memory that libLBFGS has allocated, aligned for its vector code.
using Numbers = std::unique_ptr<lbfgsfloatval_t, decltype(&lbfgs_free)>;

std::int64_t elements_of(std::span<const Value> parameters) {
  std::int64_t total = 0;
  for (const Value& p : parameters) total += p.shape().elements();
  return total;
}

/// Calls `f` with the elements of a float tensor.
template <typename F>
void with_elements(const Tensor& tensor, F f) {
  if (tensor.dtype() == DType::f32) {
    f(tensor.values<float>());
  } else {
    f(tensor.values<double>());
  }
}

/// Copies tensors one after the other into `to`.
void flatten(std::span<const Tensor> tensors, double* to) {
  for (const Tensor& tensor : tensors) {
    with_elements(tensor, [&](auto elements) { to = std::copy(elements.begin(), elements.end(), to); });
  }
}

/// The loss as libLBFGS asks for it. Exceptions must not pass through its C code, so the first one is kept
/// here, and from then on every point is infinitely bad, which ends the search.
class Problem {
 public:
  Problem(Session& session, Function& function, std::span<const Value> parameters,
          std::span<const Tensor> inputs)
      : session_(session), function_(function), parameters_(parameters), inputs_(inputs) {
    for (const Value& p : parameters) start_.push_back(session.value(p));
  }

  std::span<const Tensor> start() const { return start_; }
  double loss() const { return loss_; }
  std::int64_t iterations() const { return iterations_; }
  std::int64_t evaluations() const { return evaluations_; }

  void store(const double* x) {
    for (const Value& p : parameters_) {
      Tensor next = Tensor::uninitialized(p.dtype(), p.shape().sizes());
      const auto fill = [&]<typename T>(std::span<T> elements) {
        for (T& element : elements) element = static_cast<T>(*x++);
      };
      if (p.dtype() == DType::f32) {
        fill(next.mutable_values<float>());
      } else {
        fill(next.mutable_values<double>());
      }
      session_.set(p, next);
    }
  }

  /// After an exception: restores the parameters and throws it again.
  void rethrow() {
    if (!failure_) return;
    for (std::size_t i = 0; i < parameters_.size(); ++i) session_.set(parameters_[i], start_[i]);
    std::rethrow_exception(failure_);
  }

  static lbfgsfloatval_t evaluate(void* self, const lbfgsfloatval_t* x, lbfgsfloatval_t* g, int n,
                                  lbfgsfloatval_t) noexcept {
    auto& problem = *static_cast<Problem*>(self);
    std::fill_n(g, n, 0.0);
    double loss = std::numeric_limits<double>::infinity();
    if (problem.failure_) return loss;
    try {
      loss = problem.loss_at(x, g);
    } catch (...) {
      problem.failure_ = std::current_exception();
    }
    return loss;
  }

  static int progress(void* self, const lbfgsfloatval_t*, const lbfgsfloatval_t*, lbfgsfloatval_t loss,
                      lbfgsfloatval_t, lbfgsfloatval_t, lbfgsfloatval_t, int, int iteration, int) noexcept {
    static_cast<Problem*>(self)->loss_ = loss;
    static_cast<Problem*>(self)->iterations_ = iteration;
    return 0;
  }

 private:
  double loss_at(const double* x, double* g) {
    store(x);
    const auto results = function_(inputs_);
    expect_outputs(results);
    double loss = 0.0;
    with_elements(results[0], [&](auto elements) { loss = static_cast<double>(elements[0]); });
    const bool first = evaluations_++ == 0;
    if (std::isfinite(loss)) {
      flatten(std::span<const Tensor>(results).subspan(1), g);
      if (first) loss_ = loss;
      return loss;
    }
    if (!first) return std::numeric_limits<double>::infinity();
    throw Error(ErrorCode::numeric, fmt::format("the loss is {} where the search starts", printable(loss)),
                {.op = "lbfgs"});
  }

  void expect_outputs(std::span<const Tensor> results) const {
    bool fits = results.size() == parameters_.size() + 1 && results[0].elements() == 1 &&
                is_float(results[0].dtype());
    for (std::size_t i = 0; fits && i < parameters_.size(); ++i) {
      fits = results[i + 1].type() == parameters_[i].type();
    }
    if (fits) return;
    throw Error(ErrorCode::invalid_argument,
                "the function must give a loss and the gradient of each parameter",
                {.op = "lbfgs",
                 .expected = fmt::format("a loss and {} gradients", parameters_.size()),
                 .actual = fmt::format("{} outputs", results.size())});
  }

  Session& session_;
  Function& function_;
  std::span<const Value> parameters_;
  std::span<const Tensor> inputs_;
  std::vector<Tensor> start_;
  std::exception_ptr failure_;
  double loss_ = 0.0;  // at the last point that a line search ended with
  std::int64_t iterations_ = 0;
  std::int64_t evaluations_ = 0;
};

lbfgs_parameter_t settings_of(const LbfgsOptions& options) {
  constexpr std::int64_t kLargest = std::numeric_limits<int>::max();
  const bool counts_fit =
      options.history >= 1 && options.max_line_search >= 1 && options.max_iterations >= 0 &&
      std::max({options.history, options.max_line_search, options.max_iterations}) <= kLargest;
  if (!counts_fit || !(options.gradient_tolerance >= 0.0) || !(options.loss_tolerance >= 0.0)) {
    throw Error(
        ErrorCode::invalid_argument, "an option is out of range",
        {.op = "lbfgs",
         .expected = "history and line search >= 1, iterations and tolerances >= 0",
         .actual = fmt::format("{}, {}, {}, {}, {}", options.history, options.max_line_search,
                               options.max_iterations, options.gradient_tolerance, options.loss_tolerance)});
  }
  lbfgs_parameter_t settings;
  lbfgs_parameter_init(&settings);
  settings.m = static_cast<int>(options.history);
  settings.epsilon = options.gradient_tolerance;
  settings.past = options.loss_tolerance > 0.0 ? 1 : 0;
  settings.delta = options.loss_tolerance;
  settings.max_iterations = static_cast<int>(options.max_iterations);
  settings.max_linesearch = static_cast<int>(options.max_line_search);
  settings.linesearch = LBFGS_LINESEARCH_BACKTRACKING_WOLFE;
  return settings;
}

/// Why the search ended, in words; throws if it could not begin.
std::string reason_of(int code) {
  switch (code) {
    case LBFGS_SUCCESS:
    case LBFGS_STOP:
    case LBFGS_ALREADY_MINIMIZED:
      return "converged";
    case LBFGSERR_MAXIMUMITERATION:
      return "all iterations are done";
    case LBFGSERR_OUTOFMEMORY:
      throw std::bad_alloc();
    case LBFGSERR_ROUNDING_ERROR:
    case LBFGSERR_MINIMUMSTEP:
    case LBFGSERR_MAXIMUMSTEP:
    case LBFGSERR_MAXIMUMLINESEARCH:
    case LBFGSERR_WIDTHTOOSMALL:
    case LBFGSERR_INCREASEGRADIENT:
    case LBFGSERR_OUTOFINTERVAL:
    case LBFGSERR_INCORRECT_TMINMAX:
    case LBFGSERR_INVALIDPARAMETERS:
      return "the line search found no better point";
    default:
      throw Error(ErrorCode::internal, fmt::format("libLBFGS ended with {}", code), {.op = "lbfgs"});
  }
}

}  // namespace

FunctionSpec loss_and_gradients(std::span<const Value> inputs, const Value& loss,
                                std::span<const Value> parameters) {
  FunctionSpec spec{.inputs = {inputs.begin(), inputs.end()}, .outputs = {loss}, .updates = {}};
  for (const Value& g : gradients(loss, parameters)) spec.outputs.push_back(g);
  return spec;
}

LbfgsResult lbfgs(Session& session, Function& function, std::span<const Value> parameters,
                  std::span<const Tensor> inputs, const LbfgsOptions& options) {
  lbfgs_parameter_t settings = settings_of(options);
  const std::int64_t count = elements_of(parameters);
  const bool floats = std::ranges::all_of(parameters, [](const Value& p) { return is_float(p.dtype()); });
  if (count < 1 || count > std::numeric_limits<int>::max() || !floats) {
    throw Error(ErrorCode::invalid_argument, "there must be something to minimize over",
                {.op = "lbfgs",
                 .expected = "1 to 2^31 - 1 numbers, f32 or f64",
                 .actual = fmt::format("{} numbers", count)});
  }
  Problem problem(session, function, parameters, inputs);
  const Numbers x(lbfgs_malloc(static_cast<int>(count)), &lbfgs_free);
  if (!x) throw std::bad_alloc();
  flatten(problem.start(), x.get());
  // The loss that it returns is that of the last trial, which may not be that of x.
  const int code = ::lbfgs(static_cast<int>(count), x.get(), nullptr, &Problem::evaluate, &Problem::progress,
                           &problem, &settings);
  problem.rethrow();
  problem.store(x.get());
  LbfgsResult result;
  result.loss = problem.loss();
  result.iterations = problem.iterations();
  result.evaluations = problem.evaluations();
  result.converged = code >= 0;
  result.reason = reason_of(code);
  return result;
}

}  // namespace weft::optim
