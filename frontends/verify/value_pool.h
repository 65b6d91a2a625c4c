#pragma once
// The values that a random program is built from: it draws tensors and sources, keeps the results whose
// numbers are settled (see RandomValues), and draws among them again. Internal to verify/.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/frontends/verify/random_program.h"
#include "weft/frontends/verify/random_values.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/graph.h"

namespace weft::verify {

class ValuePool {
 public:
  /// Floats have `dtype`. `source` must outlive the pool.
  ValuePool(SampleSource& source, DType dtype, const ProgramStyle& style);

  Graph& graph() { return graph_; }
  /// All values, the oldest first; valid until the next one is kept.
  std::span<const Value> values() const { return values_; }
  /// The sources that are parameters.
  const std::vector<Value>& parameters() const { return parameters_; }
  /// The tensors of inputs and parameters, by label.
  const std::map<std::string, Tensor, std::less<>>& feeds() const { return feeds_; }
  /// The numbers of a value that was kept, in f64.
  const Tensor& exact(const Value& value) const;

  /// Adds a value to the pool, unless it is too large or its numbers are not settled; returns whether it did.
  bool keep(const Value& value);

  /// Any value; half of the time one of the youngest, so that programs grow deep.
  Value any();
  /// A value of the pool's dtype, or else a new source.
  Value number();
  /// A value of the tensor's type or of its dtype; nothing if none was found.
  std::optional<Value> like(const Tensor& tensor);
  /// A value that broadcasts with x: one of the pool, x itself, or a new source.
  Value partner(const Value& x);

  /// Small sizes, some of which are 1 or 0.
  Sizes sizes(std::int64_t most_rank = 4, std::int64_t least_rank = 0);
  /// Floats of the pool's dtype, spiced.
  Tensor tensor() { return tensor(sizes()); }
  Tensor tensor(const Sizes& sizes);
  /// Three of four elements are 0.
  Tensor mostly_zeros(const Sizes& sizes, DType dtype);
  /// The tensor, perhaps with special numbers if the style has them.
  Tensor spiced(Tensor x);
  /// A new constant, input or parameter with these numbers. It is not in the pool until it is kept.
  Value source_of(const Tensor& tensor);

 private:
  void settle(const Value& value);

  SampleSource& source_;
  DType dtype_;
  ProgramStyle style_;
  Graph graph_;
  RandomValues numbers_;
  std::map<std::string, Tensor, std::less<>> feeds_;
  std::vector<Value> parameters_;
  std::vector<Value> values_;
};

}  // namespace weft::verify
