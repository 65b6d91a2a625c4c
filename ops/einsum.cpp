#include "weft/ops/einsum.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// An axis: a letter, or a negative number for one of "...", counted from the last of these.
using Label = int;
using Labels = std::vector<Label>;

/// An operand, or what a contraction made of some.
struct EinsumTerm {
  Value value;
  Labels labels;
};

bool has(const Labels& labels, Label label) { return std::ranges::find(labels, label) != labels.end(); }
std::int64_t place(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) - labels.begin();
}

std::string text(Label label) { return label < 0 ? "..." : std::string(1, static_cast<char>(label)); }

[[noreturn]] void refuse(std::string_view equation, const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message,
              {.expected = "a text such as \"bij,bjk->bik\"", .actual = std::string(equation)});
}

/// The labels of one operand, or of the result: `dots` is how many axes "..." stands for.
Labels labels_of(std::string_view equation, std::string_view part, std::size_t dots) {
  Labels labels;
  bool seen = false;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(part[i])) != 0) {
      labels.push_back(part[i]);
    } else if (!seen && part.substr(i, 3) == "...") {
      for (std::size_t axis = dots; axis > 0; --axis) labels.push_back(-static_cast<Label>(axis));
      seen = true;
      i += 2;
    } else {
      refuse(equation, fmt::format("'{}' names no axis", part[i]));
    }
  }
  return labels;
}

std::size_t letters_in(std::string_view part) {
  return static_cast<std::size_t>(
      std::ranges::count_if(part, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }));
}

/// The equation cut into the parts of the operands and, where there is one, that of the result.
struct Equation {
  std::vector<std::string> operands;
  std::optional<std::string> result;
};
Equation parse(std::string_view equation) {
  std::string packed;
  for (const char c : equation) {
    if (c != ' ') packed += c;
  }
  Equation parsed;
  const std::size_t arrow = packed.find("->");
  if (arrow != std::string::npos) parsed.result = packed.substr(arrow + 2);
  std::string part;
  for (const char c : packed.substr(0, arrow) + ",") {
    if (c == ',') {
      parsed.operands.push_back(std::move(part));
      part.clear();
    } else {
      part += c;
    }
  }
  return parsed;
}

EinsumTerm transposed(const EinsumTerm& term, const Labels& order) {
  if (term.labels == order) return term;
  std::vector<std::int64_t> permutation;
  for (const Label label : order) permutation.push_back(place(term.labels, label));
  return {transpose(term.value, permutation), order};
}

EinsumTerm summed(const EinsumTerm& term, const Labels& over) {
  if (over.empty()) return term;
  Axes axes;
  Labels left;
  for (std::size_t i = 0; i < term.labels.size(); ++i) {
    if (has(over, term.labels[i])) {
      axes.push_back(static_cast<std::int64_t>(i));
    } else {
      left.push_back(term.labels[i]);
    }
  }
  return {sum(term.value, axes), left};
}

/// Two axes of one label, if there are such: the earlier first.
std::optional<std::pair<std::ptrdiff_t, std::ptrdiff_t>> repeated_label(const Labels& labels) {
  for (auto first = labels.begin(); first != labels.end(); ++first) {
    const auto second = std::find(first + 1, labels.end(), *first);
    if (second != labels.end()) return std::pair(first - labels.begin(), second - labels.begin());
  }
  return {};
}

/// Each label once: two axes of one label become their diagonal, the last axis.
EinsumTerm with_diagonals(EinsumTerm term) {
  while (const auto pair = repeated_label(term.labels)) {
    const auto [first, second] = *pair;
    const Label label = term.labels[static_cast<std::size_t>(first)];
    term.value = diagonal(move_axis(move_axis(term.value, second, -1), first, -1));
    term.labels.erase(term.labels.begin() + second);
    term.labels.erase(term.labels.begin() + first);
    term.labels.push_back(label);
  }
  return term;
}

std::map<Label, Dim> sizes_of(std::span<const EinsumTerm> terms) {
  std::map<Label, Dim> sizes;
  for (const EinsumTerm& term : terms) {
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      const Dim& dim = term.value.shape()[i];
      const auto [at, is_new] = sizes.emplace(term.labels[i], dim);
      if (is_new || dim.is(1) || dim == at->second) continue;
      if (!at->second.is(1)) {
        throw Error(ErrorCode::shape_mismatch, fmt::format("axis '{}' has two sizes", text(term.labels[i])),
                    {.expected = to_string(at->second), .actual = to_string(dim)});
      }
      at->second = dim;
    }
  }
  return sizes;
}

/// Without the axes of size 1 that another operand has larger.
EinsumTerm without_broadcast_axes(EinsumTerm term, const std::map<Label, Dim>& sizes) {
  for (std::size_t i = term.labels.size(); i-- > 0;) {
    if (!term.value.shape()[i].is(1) || sizes.at(term.labels[i]).is(1)) continue;
    term.value = squeeze(term.value, static_cast<std::int64_t>(i));
    term.labels.erase(term.labels.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return term;
}

Labels joined(std::initializer_list<Labels> lists) {
  Labels all;
  for (const Labels& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

/// How the axes of two terms meet: those that the product keeps, those that are summed over, and those of one
/// alone.
struct Meeting {
  Labels batch;
  Labels inner;
  Labels left;
  Labels right;
};
Meeting meet(const EinsumTerm& a, const EinsumTerm& b, const std::set<Label>& kept) {
  Meeting meeting;
  for (const Label label : a.labels) {
    if (!has(b.labels, label)) {
      meeting.left.push_back(label);
    } else {
      (kept.contains(label) ? meeting.batch : meeting.inner).push_back(label);
    }
  }
  for (const Label label : b.labels) {
    if (!has(a.labels, label)) meeting.right.push_back(label);
  }
  return meeting;
}

Dim product(const Shape& shape, std::size_t begin, std::size_t end) {
  Dim all = 1;
  for (std::size_t i = begin; i < end; ++i) all = all * shape[i];
  return all;
}

/// [batch..., rows, columns] of a term whose labels are in that order.
Value as_matrix(const EinsumTerm& term, std::size_t batch, std::size_t rows) {
  const Shape& shape = term.value.shape();
  std::vector<Dim> dims(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(batch));
  dims.push_back(product(shape, batch, batch + rows));
  dims.push_back(product(shape, batch + rows, shape.rank()));
  return reshape(term.value, Shape(std::move(dims)));
}

EinsumTerm by_matmul(const EinsumTerm& a, const EinsumTerm& b, const Meeting& meeting) {
  const auto& [batch, inner, left, right] = meeting;
  // As it lies, if that is one of the two orders of a matrix.
  const bool transpose_a = a.labels == joined({batch, inner, left});
  const bool transpose_b = b.labels == joined({batch, right, inner});
  const EinsumTerm first = transposed(a, transpose_a ? a.labels : joined({batch, left, inner}));
  const EinsumTerm second = transposed(b, transpose_b ? b.labels : joined({batch, inner, right}));
  const Value c = matmul(as_matrix(first, batch.size(), transpose_a ? inner.size() : left.size()),
                         as_matrix(second, batch.size(), transpose_b ? right.size() : inner.size()),
                         transpose_a, transpose_b);
  const Labels labels = joined({batch, left, right});
  std::vector<Dim> dims;
  for (const Label label : labels) {
    const EinsumTerm& from = has(a.labels, label) ? a : b;
    dims.push_back(from.value.shape()[static_cast<std::size_t>(place(from.labels, label))]);
  }
  return {reshape(c, Shape(std::move(dims))), labels};
}

/// The term with its axes in the order of `labels`, and of size 1 where it lacks one.
Value beside(const EinsumTerm& term, const Labels& labels) {
  Labels own;
  std::vector<Dim> dims;
  for (const Label label : labels) {
    if (has(term.labels, label)) own.push_back(label);
  }
  const EinsumTerm ordered = transposed(term, own);
  std::size_t next = 0;
  for (const Label label : labels) dims.push_back(has(own, label) ? ordered.value.shape()[next++] : Dim(1));
  return reshape(ordered.value, Shape(std::move(dims)));
}

EinsumTerm contracted(const EinsumTerm& a, const EinsumTerm& b, const std::set<Label>& kept) {
  const Meeting meeting = meet(a, b, kept);
  const bool matrices = !meeting.inner.empty() && !(meeting.left.empty() && meeting.right.empty());
  if (matrices && is_float(a.value.dtype())) return by_matmul(a, b, meeting);
  const Labels all = joined({meeting.batch, meeting.left, meeting.right, meeting.inner});
  return summed({beside(a, all) * beside(b, all), all}, meeting.inner);
}

double size_of(const Labels& labels, const std::map<Label, Dim>& sizes) {
  constexpr double kSymbol = 32.0;
  double size = 1.0;
  for (const Label label : labels) {
    const Dim& dim = sizes.at(label);
    size *= dim.is_number() ? static_cast<double>(dim.size()) : kSymbol;
  }
  return size;
}

/// What the result and all terms but two name.
std::set<Label> kept_beside(const std::vector<EinsumTerm>& terms, std::size_t i, std::size_t j,
                            const Labels& result) {
  std::set<Label> kept(result.begin(), result.end());
  for (std::size_t other = 0; other < terms.size(); ++other) {
    if (other != i && other != j) kept.insert(terms[other].labels.begin(), terms[other].labels.end());
  }
  return kept;
}

/// The pair to contract next.
std::pair<std::size_t, std::size_t> cheapest_pair(const std::vector<EinsumTerm>& terms, const Labels& result,
                                                  const std::map<Label, Dim>& sizes) {
  std::pair<std::size_t, std::size_t> best{0, 1};
  double least = HUGE_VAL;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t j = i + 1; j < terms.size(); ++j) {
      const Meeting meeting = meet(terms[i], terms[j], kept_beside(terms, i, j, result));
      const double growth = size_of(joined({meeting.batch, meeting.left, meeting.right}), sizes) -
                            size_of(terms[i].labels, sizes) - size_of(terms[j].labels, sizes);
      if (growth < least) {
        least = growth;
        best = {i, j};
      }
    }
  }
  return best;
}

/// The labels that occur nowhere but in term `i`.
Labels alone_in(const std::vector<EinsumTerm>& terms, std::size_t i, const Labels& result) {
  const std::set<Label> kept = kept_beside(terms, i, i, result);
  Labels alone;
  std::ranges::copy_if(terms[i].labels, std::back_inserter(alone),
                       [&](Label label) { return !kept.contains(label); });
  return alone;
}

Value contract_all(std::vector<EinsumTerm> terms, const Labels& result) {
  const auto sizes = sizes_of(terms);
  for (EinsumTerm& term : terms) term = without_broadcast_axes(std::move(term), sizes);
  for (std::size_t i = 0; i < terms.size(); ++i) terms[i] = summed(terms[i], alone_in(terms, i, result));
  while (terms.size() > 1) {
    const auto [i, j] = cheapest_pair(terms, result, sizes);
    const EinsumTerm made = contracted(terms[i], terms[j], kept_beside(terms, i, j, result));
    terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(j));
    terms[i] = made;
  }
  return transposed(terms[0], result).value;
}

/// The letters that occur once, in alphabetical order, after the axes of "...".
Labels implied_result(const std::vector<Labels>& operands) {
  std::map<Label, int> counts;
  for (const Labels& labels : operands) {
    for (const Label label : labels) ++counts[label];
  }
  Labels result;
  for (const auto& [label, count] : counts) {
    if (label < 0 || count == 1) result.push_back(label);
  }
  return result;
}

Value evaluate_equation(std::string_view equation, std::span<const Value> operands) {
  const Equation parsed = parse(equation);
  if (parsed.operands.size() != operands.size()) {
    throw Error(ErrorCode::invalid_argument, "the text has another number of operands than the call",
                {.expected = fmt::format("{} for \"{}\"", parsed.operands.size(), equation),
                 .actual = std::to_string(operands.size())});
  }
  std::vector<Labels> labels;
  std::size_t most_dots = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::size_t rank = operands[i].shape().rank();
    const std::string& part = parsed.operands[i];
    const std::size_t letters = letters_in(part);
    const bool open = part.find("...") != std::string::npos;
    const std::size_t dots = open && rank > letters ? rank - letters : 0;
    labels.push_back(labels_of(equation, part, dots));
    if (labels.back().size() != rank)
      refuse(equation, fmt::format("'{}' does not name the axes of {}", part, to_string(operands[i].type())));
    most_dots = std::max(most_dots, dots);
  }
  const Labels result =
      parsed.result ? labels_of(equation, *parsed.result, most_dots) : implied_result(labels);
  for (const Label label : result) {
    const bool known = std::ranges::any_of(labels, [&](const Labels& own) { return has(own, label); });
    if (!known || std::ranges::count(result, label) > 1)
      refuse(equation, fmt::format("the result names '{}', which is not once in an operand", text(label)));
  }
  std::vector<EinsumTerm> terms;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].dtype() != operands[0].dtype())
      throw Error(ErrorCode::dtype_mismatch, "the operands have different dtypes; cast some of them",
                  {.expected = fmt::format("{} as in operand 0, {}", name_of(operands[0].dtype()),
                                           to_string(operands[0].type())),
                   .actual = fmt::format("operand {}, {}", i, to_string(operands[i].type()))});
    terms.push_back(with_diagonals({operands[i], labels[i]}));
  }
  return contract_all(std::move(terms), result);
}

/// Labels first, first + 1, ... as many as a value has axes.
Labels counted(Label first, const Value& value) {
  Labels labels(value.shape().rank());
  std::iota(labels.begin(), labels.end(), first);
  return labels;
}

std::size_t rank_of(const Operand& x, std::string_view op) { return x.value(op).shape().rank(); }

}  // namespace

Value einsum(std::string_view equation, std::span<const Value> operands, Where where) {
  return located("einsum", where, [&] {
    expect_values(operands, "einsum", "an operand", where);
    if (operands.empty()) refuse(equation, "there are no operands");
    const Scope origin(operands[0].graph(), "einsum", where);
    return evaluate_equation(equation, operands);
  });
}
Value einsum(std::string_view equation, std::initializer_list<Operand> operands) {
  std::vector<Value> values;
  for (const Operand& operand : operands) values.push_back(operand.value("einsum"));
  return einsum(equation, values, operands.size() == 0 ? Where::current() : operands.begin()->where());
}

Value tensordot(const Operand& a, const Operand& b, std::int64_t axes) {
  const auto rank = static_cast<std::int64_t>(rank_of(a, "tensordot"));
  std::vector<std::int64_t> last;
  std::vector<std::int64_t> first;
  for (std::int64_t i = 0; i < axes; ++i) {
    last.push_back(rank - axes + i);
    first.push_back(i);
  }
  return tensordot(a, b, last, first);
}

Value tensordot(const Operand& a, const Operand& b, const std::vector<std::int64_t>& axes_of_a,
                const std::vector<std::int64_t>& axes_of_b) {
  return located("tensordot", a.where(), [&] {
    EinsumTerm left{a.value("tensordot"), counted('a', a.value())};
    EinsumTerm right{b.value("tensordot"), counted('a' + static_cast<Label>(left.labels.size()), b.value())};
    if (axes_of_a.size() != axes_of_b.size()) {
      throw Error(ErrorCode::invalid_argument, "each axis of the one is summed over with one of the other",
                  {.expected = std::to_string(axes_of_a.size()), .actual = std::to_string(axes_of_b.size())});
    }
    const Labels all_of_right = right.labels;
    for (std::size_t i = 0; i < axes_of_a.size(); ++i) {
      const std::size_t of_a = normalize_axis(axes_of_a[i], left.labels.size());
      right.labels[normalize_axis(axes_of_b[i], right.labels.size())] = left.labels[of_a];
    }
    Labels result;
    for (const Label label : left.labels) {
      if (!has(right.labels, label)) result.push_back(label);
    }
    for (const Label label : right.labels) {
      if (has(all_of_right, label)) result.push_back(label);
    }
    const Scope origin(left.value.graph(), "tensordot", a.where());
    return contract_all({left, right}, result);
  });
}

Value outer(const Operand& a, const Operand& b) {
  const Value left = a.value("outer");
  const Value right = b.value("outer");
  const Scope origin(left.graph(), "outer", a.where());
  return reshape(left, Shape{left.shape().count(), 1}) * reshape(right, Shape{1, right.shape().count()});
}

Value dot(const Operand& a, const Operand& b) {
  const std::size_t rank_of_a = rank_of(a, "dot");
  const std::size_t rank_of_b = rank_of(b, "dot");
  if (rank_of_a == 0 || rank_of_b == 0) return a.value() * b.value();
  return tensordot(a, b, {-1}, {rank_of_b == 1 ? -1 : -2});
}

Value batched_dot(const Operand& a, const Operand& b) {
  const std::size_t rank_of_a = rank_of(a, "batched_dot");
  const std::size_t rank_of_b = rank_of(b, "batched_dot");
  if (rank_of_a < 2 || rank_of_a > 3 || rank_of_b < 2 || rank_of_b > 3) {
    throw Error(ErrorCode::shape_mismatch, "batched_dot takes tensors of two or three axes",
                {.op = "batched_dot", .where = to_string(a.where())});
  }
  const std::string left = rank_of_a == 3 ? "bik" : "bk";
  const std::string right = rank_of_b == 3 ? "bkj" : "bk";
  const std::string result = std::string("b") + (rank_of_a == 3 ? "i" : "") + (rank_of_b == 3 ? "j" : "");
  return einsum(left + "," + right + "->" + result, {a, b});
}

}  // namespace weft
