#pragma once
// Arithmetic without a purpose, to measure how much of it a processor does.

namespace weft {

/// Multiplies and adds f32 numbers in the widest registers of this CPU, for `rounds` rounds of chains that do
/// not wait for each other. Returns the number of operations.
double multiply_and_add(int rounds);

}  // namespace weft
