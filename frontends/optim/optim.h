#pragma once
// All optimizers in one include. They are functions from parameters and gradients to updates, which are
// ordinary nodes. All of them can be combined with gradients.h (changes to gradients), updates.h (changes to
// updates) and rate.h (rates, also for single parameters). The exception is L-BFGS, which calls a compiled
// function.

#include "weft/frontends/optim/adagrad.h"    // IWYU pragma: export
#include "weft/frontends/optim/adam.h"       // IWYU pragma: export
#include "weft/frontends/optim/ftrl.h"       // IWYU pragma: export
#include "weft/frontends/optim/gradients.h"  // IWYU pragma: export
#include "weft/frontends/optim/lbfgs.h"      // IWYU pragma: export
#include "weft/frontends/optim/rmsprop.h"    // IWYU pragma: export
#include "weft/frontends/optim/rprop.h"      // IWYU pragma: export
#include "weft/frontends/optim/sgd.h"        // IWYU pragma: export
#include "weft/frontends/optim/updates.h"    // IWYU pragma: export
