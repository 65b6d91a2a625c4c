#include "weft/frontends/nn/initializer_ops.h"

#include <Eigen/QR>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <numbers>

namespace weft::nn {
namespace {

/// Columns of length 1, each orthogonal to all others; x has at least as many rows as columns. If x is
/// normally distributed, Q with the signs of R's diagonal is uniformly distributed (Mezzadri, Notices of the
/// AMS 2007).
Eigen::MatrixXd orthonormal_columns(const Eigen::MatrixXd& x) {
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(x);
  Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(x.rows(), x.cols());
  for (Eigen::Index j = 0; j < q.cols(); ++j) {
    if (qr.matrixQR()(j, j) < 0.0) q.col(j) = -q.col(j);
  }
  return q;
}

}  // namespace

void TruncatedNormal::forward(const KernelArgs& args) const {
  const double inside = std::erf(std::numbers::sqrt2);
  visit_float(args.outputs[0].dtype, [&]<typename T>(T) {
    map(args.inputs[0].as<const T>(), args.outputs[0].as<T>(), [inside](T u) {
      return std::numbers::sqrt2 * boost::math::erf_inv((2.0 * static_cast<double>(u) - 1.0) * inside);
    });
  });
}

TensorType Orthonormal::infer(const TensorType& x) const {
  if (x.shape.rank() == 2) return float_type(x);
  throw Error(ErrorCode::shape_mismatch, "only a matrix has a QR decomposition",
              {.expected = "[m, n]", .actual = to_string(x.shape)});
}

void Orthonormal::forward(const KernelArgs& args) const {
  visit_float(args.outputs[0].dtype, [&]<typename T>(T) {
    using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const auto sizes = args.inputs[0].sizes;
    const Eigen::MatrixXd x =
        Eigen::Map<const Matrix>(args.inputs[0].as<const T>().data(), sizes[0], sizes[1])
            .template cast<double>();
    const bool wide = x.rows() < x.cols();
    const Eigen::MatrixXd q = orthonormal_columns(wide ? Eigen::MatrixXd(x.transpose()) : x);
    Eigen::Map<Matrix> y(args.outputs[0].as<T>().data(), sizes[0], sizes[1]);
    y = (wide ? Eigen::MatrixXd(q.transpose()) : q).template cast<T>();
  });
}

}  // namespace weft::nn
