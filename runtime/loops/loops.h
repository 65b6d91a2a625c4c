#pragma once
// Passes that take out of a loop what need not be in it. Internal to runtime/.

#include "weft/graph/passes/pass.h"

namespace weft {

/// The ops' own simpler forms inside of bodies, and equal nodes once, so that the passes below see through.
Pass simplify_bodies();

/// Scans of the same sequences with the same states become one with all of their outputs: a scan, and its
/// copy that stacks what the gradient reads.
Pass merge_scans();

/// While loops that take the same steps become one, which records what any of them does: a loop, and its copy
/// that its gradient reads.
Pass merge_loops();

/// Drops outputs, states, sequences and captured values of loops and branches that nothing needs, until none
/// is left; a state that no step changes becomes a captured value.
Pass prune_scans();

/// What does not depend on states is computed before the loop: for all steps at once where that is a product
/// or a gather, and what follows from those; once where it depends on captured values alone (Theano's
/// push-out of scans; Appleyard, Kocisky and Blunsom, arXiv:1604.01946).
Pass before_scans();
/// Only what is computed once, such as weights in the order of their kernels.
Pass once_before_scans();

/// What the states do not depend on is computed behind the loop: products that are only stacked, and sums
/// over all steps of products and of reductions, such as gradients of weights, each as one product.
Pass behind_scans();

/// Scans that ask for it take several steps at a time, as one program.
Pass unroll_scans();

}  // namespace weft
