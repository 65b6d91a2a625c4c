#pragma once
// All optimizers in one include. They are functions from parameters and gradients to updates, which are
// ordinary nodes. All of them can be combined with gradients.h (changes to gradients), updates.h (changes to
// updates) and rate.h (rates, also for single parameters). The exception is L-BFGS, which calls a compiled
// function.
//
// The square of an f32 gradient beyond 1.8e19 is infinite. Methods that keep squares then divide by infinity,
// so that the parameter stands still from there on, as in PyTorch and Keras; centered RMSProp and FTRL may
// make it NaN, which CompileOptions::nan_guard finds. Where gradients may be that large, clip them: the norm
// in clip_by_global_norm does not overflow.

#include "weft/frontends/optim/adafactor.h"           // IWYU pragma: export
#include "weft/frontends/optim/adagrad.h"             // IWYU pragma: export
#include "weft/frontends/optim/adam.h"                // IWYU pragma: export
#include "weft/frontends/optim/averages.h"            // IWYU pragma: export
#include "weft/frontends/optim/conjugate_gradient.h"  // IWYU pragma: export
#include "weft/frontends/optim/flat.h"                // IWYU pragma: export
#include "weft/frontends/optim/ftml.h"                // IWYU pragma: export
#include "weft/frontends/optim/ftrl.h"                // IWYU pragma: export
#include "weft/frontends/optim/gradients.h"           // IWYU pragma: export
#include "weft/frontends/optim/lbfgs.h"               // IWYU pragma: export
#include "weft/frontends/optim/lion.h"                // IWYU pragma: export
#include "weft/frontends/optim/muon.h"                // IWYU pragma: export
#include "weft/frontends/optim/proximal.h"            // IWYU pragma: export
#include "weft/frontends/optim/rmsprop.h"             // IWYU pragma: export
#include "weft/frontends/optim/rprop.h"               // IWYU pragma: export
#include "weft/frontends/optim/schedule_free.h"       // IWYU pragma: export
#include "weft/frontends/optim/sgd.h"                 // IWYU pragma: export
#include "weft/frontends/optim/updates.h"             // IWYU pragma: export
