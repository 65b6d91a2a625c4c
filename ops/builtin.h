#pragma once
// The one list of built-in ops, as types, so that tests and tools can walk over all of them.

#include <tuple>

#include "weft/ops/activation.h"
#include "weft/ops/attention.h"
#include "weft/ops/bits.h"
#include "weft/ops/branch.h"
#include "weft/ops/communication.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/conv.h"
#include "weft/ops/einsum.h"  // IWYU pragma: export
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/folds.h"
#include "weft/ops/fourier.h"
#include "weft/ops/gather.h"
#include "weft/ops/gelu.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/linalg.h"
#include "weft/ops/loop.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/moments.h"
#include "weft/ops/norm.h"
#include "weft/ops/numbers.h"
#include "weft/ops/pool.h"
#include "weft/ops/powers.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/resize.h"
#include "weft/ops/rounding.h"
#include "weft/ops/scan.h"
#include "weft/ops/series.h"  // IWYU pragma: export
#include "weft/ops/softmax.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/sparse.h"
#include "weft/ops/special.h"
#include "weft/ops/structure.h"
#include "weft/ops/tails.h"
#include "weft/ops/trigonometry.h"
#include "weft/ops/unique.h"
#include "weft/ops/watch.h"

namespace weft {

using BuiltinOps = std::tuple<                                                                         //
    Input, Constant, Parameter, Assign,                                                                //
    StopGradient, ScaleGradient, CustomGradient, OptimizationBarrier, Ensure, Show,                    //
    Add, Sub, Mul, Div, Pow, Minimum, Maximum, Neg, Square, Sqrt, Exp, Log, Abs, Erf, Clip, Cast,      //
    Select, Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual,                                   //
    Tanh, Relu, Sigmoid, LeakyRelu, Elu, Softplus, Gelu, GeluSlope,                                    //
    Log1p, Expm1, Log1mExp,                                                                            //
    Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh, Atan2,                           //
    Exp2, Log2, Log10, Cbrt, Hypot,                                                                    //
    Floor, Ceil, Round, Trunc, Sign, Mod, Fmod, FloorDivide, IntegerDivide,                            //
    LogicalAnd, LogicalOr, LogicalXor, LogicalNot, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot,      //
    ShiftLeft, ShiftRight, IsNan, IsInf, IsFinite,                                                     //
    Erfc, Erfinv, Gauss, Lgamma, Digamma, Polygamma, LogAddExp, Xlogy,                                 //
    CopySign, Heaviside, NextAfter, Fmax, Fmin, Gcd, Lcm, SignBit, BitwiseCount,                       //
    Erfcx, LogNdtr, Xlog1py,                                                                           //
    MatMul, SparseMatMul, SampledMatMul, Sum, Mean, LogSumExp, Max, ArgMax, Count, Norm,               //
    Moments, CentredSums,                                                                              //
    Min, Prod, ArgMin, Any, All, CumSum, CumProd, CumMax, CumMin, LinearRecurrence,                    //
    Conv2d, Conv2dInputGradient, Conv2dWeightGradient,                                                 //
    Conv3d, Conv3dInputGradient, Conv3dWeightGradient,                                                 //
    MaxPool2d, AdaptiveMaxPool2d, PlaneGather, PlaneScatterAdd, AvgPool2d, AvgPool2dGradient,          //
    ResizeAxis, ResizeAxisGradient, GridSample, GridSampleInputGradient, Fft, Rfft, Irfft,             //
    Reshape, Transpose, BroadcastTo, Concat, Slice, Unslice, Gather, ScatterAdd, OneHot,               //
    Pad, Flip, Positions, TakeAlongAxis, GatherNd, Scatter, ScatterNd, Sort, TopK, SearchSorted,       //
    Cholesky, TriangularSolve, Solve, Det, Slogdet, Qr, Eigh, Svd, NonZero, Unique,                    //
    Softmax, SoftmaxGradient, LogSoftmax, SoftmaxCrossEntropy, LabelDifference,                        //
    Attention, AttentionGradient, RandomKey, RandomUniform, RandomNormal, RandomGamma, RandomPoisson,  //
    StepKey, Scan, WhileLoop, Cond,                                                                    //
    AllReduce, AllGather, ReduceScatter, Broadcast, ReduceTo, RankNumber>;

/// Calls `visit.operator()<O>()` for every built-in op, in the order of the list.
template <typename F>
void for_each_builtin(F&& visit) {
  [&]<typename... O>(std::type_identity<std::tuple<O...>>) {
    (visit.template operator()<O>(), ...);
  }(std::type_identity<BuiltinOps>{});
}

/// Whether the op's kernel may throw: what its traits say; if they say nothing, whether it is not built in.
bool kernel_can_fail(const Op& op);

}  // namespace weft
