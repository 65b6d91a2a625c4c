#pragma once
// All of weft in one include: #include "weft/weft.h". A program that only predicts can do with
// "weft/ops/builtin.h" and "weft/runtime/session.h".

#include "weft/autodiff/forward_mode.h"            // IWYU pragma: export
#include "weft/autodiff/gradients.h"               // IWYU pragma: export
#include "weft/autodiff/jacobian.h"                // IWYU pragma: export
#include "weft/autodiff/per_sample.h"              // IWYU pragma: export
#include "weft/autodiff/recompute.h"               // IWYU pragma: export
#include "weft/autodiff/vmap.h"                    // IWYU pragma: export
#include "weft/frontends/ctc.h"                    // IWYU pragma: export
#include "weft/frontends/data/batches.h"           // IWYU pragma: export
#include "weft/frontends/data/csv.h"               // IWYU pragma: export
#include "weft/frontends/data/idx.h"               // IWYU pragma: export
#include "weft/frontends/data/libsvm.h"            // IWYU pragma: export
#include "weft/frontends/data/mnist.h"             // IWYU pragma: export
#include "weft/frontends/data/npy.h"               // IWYU pragma: export
#include "weft/frontends/data/npz.h"               // IWYU pragma: export
#include "weft/frontends/data/synthetic_digits.h"  // IWYU pragma: export
#include "weft/frontends/data/synthetic_text.h"    // IWYU pragma: export
#include "weft/frontends/losses.h"                 // IWYU pragma: export
#include "weft/frontends/metrics.h"                // IWYU pragma: export
#include "weft/frontends/nn.h"                     // IWYU pragma: export
#include "weft/frontends/nn/activations.h"         // IWYU pragma: export
#include "weft/frontends/optim/optim.h"            // IWYU pragma: export
#include "weft/frontends/plateau.h"                // IWYU pragma: export
#include "weft/frontends/predict.h"                // IWYU pragma: export
#include "weft/frontends/schedules.h"              // IWYU pragma: export
#include "weft/frontends/train.h"                  // IWYU pragma: export
#include "weft/frontends/verify/certify.h"         // IWYU pragma: export
#include "weft/graph/evaluate.h"                   // IWYU pragma: export
#include "weft/graph/print.h"                      // IWYU pragma: export
#include "weft/ops/builtin.h"                      // IWYU pragma: export
#include "weft/runtime/session.h"                  // IWYU pragma: export
