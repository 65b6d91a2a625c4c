#pragma once
// All layers in one include. A layer with parameters is a struct that makes them when it is built, or first
// applied, and applies them as often as it is called, so that a training graph and a prediction graph share
// them. The others are plain functions. layer.h says how your own struct becomes a layer.

#include "weft/frontends/nn/activations.h"        // IWYU pragma: export
#include "weft/frontends/nn/attention.h"          // IWYU pragma: export
#include "weft/frontends/nn/augment.h"            // IWYU pragma: export
#include "weft/frontends/nn/containers.h"         // IWYU pragma: export
#include "weft/frontends/nn/conv.h"               // IWYU pragma: export
#include "weft/frontends/nn/conv_lstm.h"          // IWYU pragma: export
#include "weft/frontends/nn/dense.h"              // IWYU pragma: export
#include "weft/frontends/nn/dropout.h"            // IWYU pragma: export
#include "weft/frontends/nn/embedding.h"          // IWYU pragma: export
#include "weft/frontends/nn/fillers.h"            // IWYU pragma: export
#include "weft/frontends/nn/group_norm.h"         // IWYU pragma: export
#include "weft/frontends/nn/initializers.h"       // IWYU pragma: export
#include "weft/frontends/nn/layer.h"              // IWYU pragma: export
#include "weft/frontends/nn/lazy.h"               // IWYU pragma: export
#include "weft/frontends/nn/local_norm.h"         // IWYU pragma: export
#include "weft/frontends/nn/merge.h"              // IWYU pragma: export
#include "weft/frontends/nn/morphology.h"         // IWYU pragma: export
#include "weft/frontends/nn/norm.h"               // IWYU pragma: export
#include "weft/frontends/nn/normalizer.h"         // IWYU pragma: export
#include "weft/frontends/nn/pooling.h"            // IWYU pragma: export
#include "weft/frontends/nn/positions.h"          // IWYU pragma: export
#include "weft/frontends/nn/random_layers.h"      // IWYU pragma: export
#include "weft/frontends/nn/recurrent.h"          // IWYU pragma: export
#include "weft/frontends/nn/recurrent_weights.h"  // IWYU pragma: export
#include "weft/frontends/nn/search.h"             // IWYU pragma: export
#include "weft/frontends/nn/sequential.h"         // IWYU pragma: export
#include "weft/frontends/nn/spatial.h"            // IWYU pragma: export
#include "weft/frontends/nn/summary.h"            // IWYU pragma: export
#include "weft/frontends/nn/transformer.h"        // IWYU pragma: export
#include "weft/frontends/nn/weight_norms.h"       // IWYU pragma: export
