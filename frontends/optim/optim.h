#pragma once
// All optimizers in one include. They are functions from parameters and gradients to updates, which are
// ordinary graph. What can be combined with every one of them is in gradients.h (what happens to gradients
// before), updates.h (what happens to updates after) and rate.h (rates, also one for each parameter). The
// exception is L-BFGS, which drives a compiled function.
//
// The square of an f32 gradient beyond 1.8e19 is infinite. Methods that keep squares then divide by infinity,
// so that the parameter stands still from there on, as in PyTorch and Keras; centered RMSProp and FTRL may
// make it NaN, which CompileOptions::nan_guard finds. Where gradients may be that large, clip them: the norm
// that clip_by_global_norm takes has room for all squares.

#include "weft/frontends/optim/adagrad.h"    // IWYU pragma: export
#include "weft/frontends/optim/adam.h"       // IWYU pragma: export
#include "weft/frontends/optim/ftrl.h"       // IWYU pragma: export
#include "weft/frontends/optim/gradients.h"  // IWYU pragma: export
#include "weft/frontends/optim/lbfgs.h"      // IWYU pragma: export
#include "weft/frontends/optim/rmsprop.h"    // IWYU pragma: export
#include "weft/frontends/optim/rprop.h"      // IWYU pragma: export
#include "weft/frontends/optim/sgd.h"        // IWYU pragma: export
#include "weft/frontends/optim/updates.h"    // IWYU pragma: export
