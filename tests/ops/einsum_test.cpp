// Products over named axes against loops over all indices, and what must be refused.

#include "weft/ops/einsum.h"

#include <gtest/gtest.h>

#include "weft/ops/layout.h"
#include "weft/ops/structure.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::numbers;
using testing_support::numbers_of;
using testing_support::replay;
using testing_support::slopes_of;
using testing_support::TensorSource;
using testing_support::vector_of;
using Numbers = std::vector<double>;

/// The sum of products by the definition: one loop over the sizes of all letters.
Numbers by_definition(const std::vector<std::string>& operands, const std::string& result,
                      const std::map<char, std::int64_t>& sizes, const std::vector<Tensor>& tensors) {
  std::map<char, std::int64_t> at;
  std::int64_t all = 1;
  for (const auto& [letter, size] : sizes) all *= size;
  const auto place = [&](const std::string& letters) {
    std::int64_t flat = 0;
    for (const char letter : letters) flat = flat * sizes.at(letter) + at[letter];
    return static_cast<std::size_t>(flat);
  };
  std::int64_t elements = 1;
  for (const char letter : result) elements *= sizes.at(letter);
  Numbers sums(static_cast<std::size_t>(elements), 0.0);
  for (std::int64_t i = 0; i < all; ++i) {
    std::int64_t rest = i;
    for (const auto& [letter, size] : sizes) {
      at[letter] = rest % size;
      rest /= size;
    }
    double product = 1.0;
    for (std::size_t j = 0; j < operands.size(); ++j)
      product *= tensors[j].values<double>()[place(operands[j])];
    sums[place(result)] += product;
  }
  return sums;
}

struct Contraction {
  std::vector<std::string> operands;
  std::string result;
};

TEST(Einsum, IsTheSumOfProductsOfItsDefinition) {
  const std::map<char, std::int64_t> all{{'a', 2}, {'b', 3}, {'c', 4}, {'i', 3}, {'j', 2}, {'k', 5}};
  const std::vector<Contraction> rows{
      {{"ik", "kj"}, "ij"},
      {{"ik", "jk"}, "ij"},
      {{"ki", "kj"}, "ji"},
      {{"aik", "akj"}, "aij"},
      {{"aik", "ajk"}, "aji"},
      {{"abik", "akbj"}, "bija"},
      {{"i", "j"}, "ij"},
      {{"i", "i"}, ""},
      {{"ij", "ij"}, "i"},
      {{"ij", "j"}, "i"},
      {{"abc"}, "cb"},
      {{"ii"}, "i"},
      {{"iij"}, "ij"},
      {{"ii"}, ""},
      {{"ik", "kj", "jc"}, "ic"},
      {{"ab", "bc", "ca"}, ""},
      {{"aik", "ik"}, "a"},
      {{"ab", "c"}, "bac"},
      {{"ia", "ib", "ic"}, "abc"},
      {{"abk", "abk", "k"}, "ab"},
      {{"aibi", "ik"}, "kab"},
  };
  for (const Contraction& row : rows) {
    std::string equation;
    std::map<char, std::int64_t> sizes;
    std::vector<Tensor> tensors;
    TensorSource source("einsum " + row.result + row.operands[0]);
    for (const std::string& operand : row.operands) {
      equation += (equation.empty() ? "" : ", ") + operand;
      std::vector<std::int64_t> shape;
      for (const char letter : operand) {
        sizes[letter] = all.at(letter);
        shape.push_back(all.at(letter));
      }
      tensors.push_back(source.uniform(shape));
    }
    equation += " -> " + row.result;
    SCOPED_TRACE(equation + "; " + replay());
    Graph graph;
    std::vector<Value> values;
    for (const Tensor& tensor : tensors) values.push_back(constant(graph, tensor));
    expect_near(numbers(evaluate_value(einsum(equation, values))),
                by_definition(row.operands, row.result, sizes, tensors), 1e-13);
  }
}

TEST(Einsum, NamesTheResultItselfAndBroadcastsDots) {
  const Tensor a = vector_of({1, 2, 3, 4}).reshaped({2, 2});
  const Tensor b = vector_of({5, 6, 7, 8}).reshaped({2, 2});
  const auto with = [&](const char* equation) {
    return numbers_of([&](const Value& x, const Value& y) { return einsum(equation, {x, y}); }, a, b);
  };
  expect_near(with("ij,jk"), {19, 22, 43, 50});
  expect_near(with("ba,cb"), {1 * 5 + 3 * 6, 1 * 7 + 3 * 8, 2 * 5 + 4 * 6, 2 * 7 + 4 * 8});
  expect_near(with("...j,...j->..."), {17, 53});
  expect_near(with("...,..."), {5, 12, 21, 32});
  Graph graph;
  const Value x = input(graph, "x", f32, {"b", "t", 8});
  const Value w = input(graph, "w", f32, {8, 3});
  EXPECT_EQ(to_string(einsum("...i,ij->...j", {x, w}).shape()), "[b, t, 3]");
  EXPECT_EQ(to_string(einsum("bti,bsi->bts", {x, x}).shape()), "[b, t, t]");
}

TEST(Einsum, MultipliesIntegersToo) {
  const auto product = [](const Value& x, const Value& y) { return einsum("ik,kj->ij", {x, y}); };
  expect_near(
      numbers_of(product, vector_of({1, 2}, i32).reshaped({1, 2}), vector_of({3, 4}, i32).reshaped({2, 1})),
      {11});
}

TEST(Einsum, HasTheGradientOfTheProduct) {
  const auto product = [](const Value& x, const Value& y) { return einsum("ij,j->i", {x, y}); };
  expect_near(slopes_of(product, vector_of({1, 2, 3, 4}).reshaped({2, 2}), vector_of({5, 6})),
              {5, 6, 5, 6, 4, 6});
}

TEST(Einsum, ContractsSmallResultsFirst) {
  Graph graph;
  const Value a = input(graph, "a", f32, {100, 2});
  const Value b = input(graph, "b", f32, {2, 100});
  const Value c = input(graph, "c", f32, {100, 2});
  einsum("ij,jk,kl->il", {a, b, c});
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const TensorType& type : graph.node(id).outputs)
      EXPECT_LE(type.shape.elements(), 200) << "b c is [2, 2], a b would be [100, 100]";
  }
}

TEST(Einsum, SaysWhatIsWrongWithAnEquation) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3});
  expect_error(ErrorCode::invalid_argument, {"einsum", "does not name the axes", "einsum_test.cpp"},
               [&] { einsum("ijk->i", {x}); });
  expect_error(
      ErrorCode::invalid_argument,
      {"einsum", "another number of operands", "expected 2 for \"ij,jk->ik\", got 1", "einsum_test.cpp"},
      [&] { einsum("ij,jk->ik", {x}); });
  expect_error(ErrorCode::invalid_argument, {"the result names 'k'"}, [&] { einsum("ij->ik", {x}); });
  expect_error(ErrorCode::invalid_argument, {"the result names 'i'"}, [&] { einsum("ij->ii", {x}); });
  expect_error(ErrorCode::invalid_argument, {"'1' names no axis"}, [&] { einsum("i1->i", {x}); });
  expect_error(ErrorCode::shape_mismatch, {"axis 'j' has two sizes"}, [&] { einsum("ij,jk->ik", {x, x}); });
  expect_error(ErrorCode::dtype_mismatch,
               {"einsum", "different dtypes", "f32 as in operand 0, f32[2, 3]", "operand 1, f64[2, 3]"},
               [&] { einsum("ij,ij->i", {x, cast(x, f64)}); });
}

TEST(TensorDot, SumsOverPairsOfAxes) {
  TensorSource source("tensordot");
  const Tensor a = source.uniform({2, 3, 4});
  const Tensor b = source.uniform({3, 4, 5});
  const std::map<char, std::int64_t> sizes{{'a', 2}, {'b', 3}, {'c', 4}, {'d', 5}};
  const Numbers expected = by_definition({"abc", "bcd"}, "ad", sizes, {a, b});
  expect_near(numbers_of([](const Value& x, const Value& y) { return tensordot(x, y); }, a, b), expected,
              1e-13);
  expect_near(
      numbers_of([](const Value& x, const Value& y) { return tensordot(x, y, {2, 1}, {1, 0}); }, a, b),
      expected, 1e-13);
  expect_near(numbers_of([](const Value& x, const Value& y) { return tensordot(x, y, 0); }, vector_of({1, 2}),
                         vector_of({3, 4})),
              {3, 4, 6, 8});
}

TEST(Dot, TakesVectorsMatricesAndBatches) {
  const auto plain = [](const Value& x, const Value& y) { return dot(x, y); };
  const Tensor m = vector_of({1, 2, 3, 4}).reshaped({2, 2});
  expect_near(numbers_of(plain, vector_of({1, 2}), vector_of({3, 4})), {11});
  expect_near(numbers_of(plain, m, vector_of({5, 6})), {17, 39});
  expect_near(numbers_of(plain, vector_of({5, 6}), m), {23, 34});
  expect_near(numbers_of(plain, m, m), {7, 10, 15, 22});
  expect_near(numbers_of([](const Value& x, const Value& y) { return outer(x, y); }, vector_of({1, 2}), m),
              {1, 2, 3, 4, 2, 4, 6, 8});
  const auto batched = [](const Value& x, const Value& y) { return batched_dot(x, y); };
  expect_near(numbers_of(batched, m, m), {5, 25});
  expect_near(numbers_of(batched, vector_of({1, 2, 3, 4}).reshaped({2, 1, 2}), m), {5, 25});
}

}  // namespace
}  // namespace weft
