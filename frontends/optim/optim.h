#pragma once
// All optimizers in one include. They are functions from parameters and gradients to updates, which are
// ordinary graph. What can be combined with every one of them is in gradients.h (what happens to gradients
// before), updates.h (what happens to updates after) and rate.h (rates, also one for each parameter). The
// exception is L-BFGS, which drives a compiled function.

#include "weft/frontends/optim/adagrad.h"    // IWYU pragma: export
#include "weft/frontends/optim/adam.h"       // IWYU pragma: export
#include "weft/frontends/optim/ftrl.h"       // IWYU pragma: export
#include "weft/frontends/optim/gradients.h"  // IWYU pragma: export
#include "weft/frontends/optim/lbfgs.h"      // IWYU pragma: export
#include "weft/frontends/optim/rmsprop.h"    // IWYU pragma: export
#include "weft/frontends/optim/rprop.h"      // IWYU pragma: export
#include "weft/frontends/optim/sgd.h"        // IWYU pragma: export
#include "weft/frontends/optim/updates.h"    // IWYU pragma: export
