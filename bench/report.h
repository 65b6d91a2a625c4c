#pragma once
// The comparison for people, as a table, and for programs, as JSON.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "weft/bench/comparison.h"

namespace weft::bench {

/// Processor, threads, compiler, oneDNN.
nlohmann::ordered_json machine_json();
nlohmann::ordered_json to_json(const PeerDescription& peer);
nlohmann::ordered_json to_json(const Comparison& comparison);

/// A line for each contestant, then one for each target.
void print_comparison(std::FILE* stream, const Comparison& comparison);
/// Which peers take part and which are absent.
void print_peers(std::FILE* stream, std::span<const PeerDescription> peers);
/// How many targets were met, and those that were not.
void print_summary(std::FILE* stream, std::span<const Comparison> comparisons);

}  // namespace weft::bench
