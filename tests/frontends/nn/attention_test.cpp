// Attention, encodings of places and transformers against plain loops over doubles.

#include "weft/frontends/nn/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/verify/derivative_check.h"
#include "weft/ops/attention.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/runtime/session.h"
#include "weft/tests/frontends/nn/matrices.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::attended;
using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::matrices_of;
using testing_support::Matrix;
using testing_support::normalized_rows;
using testing_support::numbers;
using testing_support::product;
using testing_support::TensorSource;

const auto kAll = [](std::size_t, std::size_t) { return true; };
const auto kPast = [](std::size_t i, std::size_t j) { return j <= i; };

void expect_matrix_near(const Matrix& actual, const Matrix& wanted, double bound = 1e-12) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].size(), wanted[i].size());
    for (std::size_t j = 0; j < actual[i].size(); ++j) EXPECT_NEAR(actual[i][j], wanted[i][j], bound);
  }
}

Tensor mask_of(const std::vector<bool>& bits, const std::vector<std::int64_t>& sizes) {
  Tensor mask = Tensor::uninitialized(boolean, sizes);
  for (std::size_t i = 0; i < bits.size(); ++i) mask.mutable_values<bool>()[i] = bits[i];
  return mask;
}

struct Vectors {
  Tensor q;
  Tensor k;
  Tensor v;
};
Vectors some_vectors() {
  TensorSource source("attention");
  return {source.uniform({2, 3, 4}), source.uniform({2, 5, 4}), source.uniform({2, 5, 2})};
}

/// By the session, with symbols for the batch and the lengths.
std::vector<Matrix> attention_of(const Vectors& in, bool causal, const std::optional<Tensor>& allowed = {},
                                 std::optional<double> scale = {}) {
  Graph graph;
  std::vector<Value> inputs{input(graph, "q", f64, {"batch", "n", 4}),
                            input(graph, "k", f64, {"batch", "m", 4}),
                            input(graph, "v", f64, {"batch", "m", 2})};
  std::vector<Tensor> feeds{in.q, in.k, in.v};
  nn::AttentionOptions options{.mask = {.causal = causal}, .scale = scale};
  if (allowed) {
    options.mask.allowed = input(graph, "allowed", boolean, {"n", "m"});
    inputs.push_back(options.mask.allowed);
    feeds.push_back(*allowed);
  }
  const Value y = nn::scaled_dot_product_attention(inputs[0], inputs[1], inputs[2], options);
  Session session(graph);
  Function function = session.compile({.inputs = inputs, .outputs = {y}, .updates = {}});
  return matrices_of(function(feeds)[0]);
}

TEST(Attention, WeighsValuesByTheFitOfTheirKeys) {
  const Vectors in = some_vectors();
  const auto q = matrices_of(in.q);
  const auto k = matrices_of(in.k);
  const auto v = matrices_of(in.v);
  for (std::size_t b = 0; b < 2; ++b) {
    expect_matrix_near(attention_of(in, false)[b], attended(q[b], k[b], v[b], 0.5, kAll));
    expect_matrix_near(attention_of(in, true)[b], attended(q[b], k[b], v[b], 0.5, kPast));
    expect_matrix_near(attention_of(in, false, {}, 0.3)[b], attended(q[b], k[b], v[b], 0.3, kAll));
  }
}

// Query 1 may look at nothing.
const std::vector<bool> kBits{true,  false, true,  true,  false, false, false, false,
                              false, false, false, false, true,  false, true};
bool bit(std::size_t i, std::size_t j) { return kBits[5 * i + j]; }

TEST(Attention, LooksOnlyWhereTheMaskAllows) {
  const Vectors in = some_vectors();
  const auto q = matrices_of(in.q);
  const auto k = matrices_of(in.k);
  const auto v = matrices_of(in.v);
  const auto past = [](std::size_t i, std::size_t j) { return bit(i, j) && j <= i; };
  for (std::size_t b = 0; b < 2; ++b) {
    expect_matrix_near(attention_of(in, false, mask_of(kBits, {3, 5}))[b],
                       attended(q[b], k[b], v[b], 0.5, bit));
    expect_matrix_near(attention_of(in, true, mask_of(kBits, {3, 5}))[b],
                       attended(q[b], k[b], v[b], 0.5, past));
  }
}

TEST(Attention, HasRightGradientsWithAnyMask) {
  const Vectors in = some_vectors();
  for (const bool causal : {false, true}) {
    for (const bool masked : {false, true}) {
      const auto attention = [&](std::span<const Value> x) {
        const Value allowed = masked ? constant(x[0].graph(), mask_of(kBits, {3, 5})) : Value();
        return nn::scaled_dot_product_attention(x[0], x[1], x[2],
                                                {.mask = {.causal = causal, .allowed = allowed}});
      };
      EXPECT_TRUE(testing_support::gradients_match(attention, {{in.q, in.k, in.v}}));
      EXPECT_TRUE(testing_support::second_gradients_match(attention, {{in.q, in.k, in.v}}));
    }
  }
}

TEST(Attention, KeepsNoScoresWhereTheyAreManyOrOfUnknownSize) {
  const auto is_op = [](const Dim& n, const Dim& m, const nn::AttentionOptions& options) {
    Graph graph;
    const Value q = input(graph, "q", f32, {2, n, 8});
    const Value k = input(graph, "k", f32, {2, m, 8});
    const Value y = nn::scaled_dot_product_attention(q, k, k, options);
    return graph.node(y.node()).op.is<weft::Attention>();
  };
  EXPECT_FALSE(is_op(256, 256, {}));
  EXPECT_TRUE(is_op(256, 257, {}));
  EXPECT_TRUE(is_op("n", 4, {}));
  EXPECT_TRUE(is_op(4, "m", {}));
  EXPECT_FALSE(is_op(64, 64, {.mask = {.causal = true}}));
  EXPECT_TRUE(is_op(64, 65, {.mask = {.causal = true}}));
  EXPECT_FALSE(is_op(4096, 4096, {.dropout = 0.1}));
}

// Query 1 may look at nothing.
TEST(Attention, IsTheSameForKnownAndUnknownLengths) {
  const Vectors in = some_vectors();
  for (const bool causal : {false, true}) {
    Graph graph;
    const nn::AttentionMask mask{.causal = causal, .allowed = constant(graph, mask_of(kBits, {3, 5}))};
    const Value y = nn::scaled_dot_product_attention(constant(graph, in.q), constant(graph, in.k),
                                                     constant(graph, in.v), {.mask = mask});
    const auto known = matrices_of(evaluate_value(y));
    const auto unknown = attention_of(in, causal, mask_of(kBits, {3, 5}));
    for (std::size_t b = 0; b < 2; ++b) expect_matrix_near(known[b], unknown[b]);
  }
}

TEST(Attention, RejectsWhatDoesNotFit) {
  Graph graph;
  const Value q = input(graph, "q", f32, {"batch", 3, 4});
  const Value k = input(graph, "k", f32, {"batch", 5, 4});
  const Value v = input(graph, "v", f32, {"batch", 6, 2});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { nn::scaled_dot_product_attention(q, k, v); };
  expect_error(ErrorCode::shape_mismatch, {line, "scaled_dot_product_attention", "f32[batch, 6, 2]"}, wrong);
  expect_error(ErrorCode::dtype_mismatch, {"f64[batch, 3, 4]"},
               [&] { nn::scaled_dot_product_attention(cast(q, f64), k, k); });
  const Value numbers_mask = input(graph, "mask", f32, {3, 5});
  expect_error(ErrorCode::dtype_mismatch, {"bool[batch, 3, 5]", "f32[3, 5]"},
               [&] { nn::scaled_dot_product_attention(q, k, k, {.mask = {.allowed = numbers_mask}}); });
  const Value large = input(graph, "large", boolean, {7, 1, 3, 5});
  expect_error(ErrorCode::shape_mismatch, {"mask", "bool[7, 1, 3, 5]"},
               [&] { nn::scaled_dot_product_attention(q, k, k, {.mask = {.allowed = large}}); });
}

/// The parameters of a layer by the ends of their names, as a session has drawn them.
class Weights {
 public:
  explicit Weights(Session& session) : session_(session) {}
  Matrix matrix(const std::string& name) const { return matrices_of(session_.value(name))[0]; }
  std::vector<double> vector(const std::string& name) const { return numbers(session_.value(name)); }

  Matrix dense(const Matrix& x, const std::string& name) const {
    Matrix y = product(x, matrix(name + "/weight"));
    const auto bias = vector(name + "/bias");
    for (auto& row : y) {
      for (std::size_t j = 0; j < row.size(); ++j) row[j] += bias[j];
    }
    return y;
  }
  /// Heads one after the other: head h has the columns from h * width on.
  Matrix multi_head(const Matrix& x, const Matrix& memory, const std::string& name, std::size_t heads,
                    const std::function<bool(std::size_t, std::size_t)>& allowed) const {
    const Matrix q = dense(x, name + "/query");
    const Matrix k = dense(memory, name + "/key");
    const Matrix v = dense(memory, name + "/value");
    const std::size_t width = q[0].size() / heads;
    const auto columns = [&](const Matrix& all, std::size_t head) {
      Matrix some;
      for (const auto& row : all) {
        const auto begin = row.begin() + static_cast<std::ptrdiff_t>(head * width);
        some.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(width));
      }
      return some;
    };
    Matrix joined(x.size());
    for (std::size_t head = 0; head < heads; ++head) {
      const Matrix y = attended(columns(q, head), columns(k, head), columns(v, head),
                                1.0 / std::sqrt(static_cast<double>(width)), allowed);
      for (std::size_t i = 0; i < y.size(); ++i) {
        joined[i].insert(joined[i].end(), y[i].begin(), y[i].end());
      }
    }
    return dense(joined, name + "/output");
  }

 private:
  Session& session_;
};

/// Parameters drawn anew, so that biases and shifts are not 0.
void draw_all(Session& session, const std::vector<Value>& parameters) {
  TensorSource source("weights");
  for (const Value& parameter : parameters) {
    session.set(parameter, source.uniform(testing_support::sizes_of(session.value(parameter))));
  }
}

TEST(MultiHeadAttention, AttendsInSubspacesSideBySide) {
  TensorSource source("heads");
  const Tensor tensor = source.uniform({2, 3, 6});
  const Tensor far = source.uniform({2, 5, 6});
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", "n", 6});
  const Value memory = input(graph, "memory", f64, {"batch", "m", 6});
  const nn::MultiHeadAttention layer = nn::multi_head_attention(graph, "a", 6, 2, f64);
  const Value mask = input(graph, "mask", boolean, {1, "n", "m"});
  Session session(graph);
  draw_all(session, nn::parameters(layer));
  Function function =
      session.compile({.inputs = {x, memory, mask},
                       .outputs = {layer(x), layer(x, {.causal = true}), layer(x, memory, {.allowed = mask})},
                       .updates = {}});
  const Outputs results = function({tensor, far, mask_of(kBits, {1, 3, 5})});
  const Weights weights(session);
  for (std::size_t b = 0; b < 2; ++b) {
    const Matrix in = matrices_of(tensor)[b];
    expect_matrix_near(matrices_of(results[0])[b], weights.multi_head(in, in, "a", 2, kAll));
    expect_matrix_near(matrices_of(results[1])[b], weights.multi_head(in, in, "a", 2, kPast));
    expect_matrix_near(matrices_of(results[2])[b], weights.multi_head(in, matrices_of(far)[b], "a", 2, bit));
  }
}

TEST(MultiHeadAttention, HasParametersOfFourDenseLayers) {
  Graph graph;
  const auto layer = nn::multi_head_attention(graph, "a", 6, 3);
  EXPECT_EQ(nn::parameters(layer).size(), 8U);
  const auto without = nn::multi_head_attention(graph, "b", 6, 3, f32, {.bias = false});
  EXPECT_EQ(nn::parameters(without).size(), 4U);
  EXPECT_TRUE(graph.states().contains("a/query/weight"));
  const Value x = input(graph, "x", f32, {"batch", "n", 6});
  EXPECT_EQ(nn::Sequential({layer, without})(x).type(), x.type());
}

TEST(MultiHeadAttention, RejectsWhatDoesNotFit) {
  Graph graph;
  expect_error(ErrorCode::invalid_argument, {"multi_head_attention", "4 heads, 6 features"},
               [&] { nn::multi_head_attention(graph, "a", 6, 4); });
  expect_error(ErrorCode::invalid_argument, {"multi_head_attention", "[0, 1)"},
               [&] { nn::multi_head_attention(graph, "a", 6, 2, f32, {.dropout = 1.0}); });
  const auto layer = nn::multi_head_attention(graph, "b", 6, 2);
  const Value x = input(graph, "x", f32, {"batch", 6});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { layer(x); };
  expect_error(ErrorCode::shape_mismatch, {line, "multi_head_attention", "[batch, length, 6]"}, wrong);
}

TEST(SinusoidalEncoding, HasASineAndACosineOfEachFrequency) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", "length", 6});
  const Value y = nn::sinusoidal_encoding(x);
  EXPECT_EQ(to_string(y.type()), "f32[length, 6]");
  Session session(graph);
  Function function =
      session.compile({.inputs = {x}, .outputs = {y, nn::SinusoidalPositions{}(x)}, .updates = {}});
  const Tensor ones = [] {
    Tensor all = Tensor::uninitialized(f32, {1, 5000, 6});
    std::ranges::fill(all.mutable_values<float>(), 1.0F);
    return all;
  }();
  const Outputs results = function({ones});
  for (const std::size_t p : {0U, 1U, 17U, 4999U}) {
    for (std::size_t i = 0; i < 6; ++i) {
      const double angle = static_cast<double>(p) / std::pow(10000.0, static_cast<double>(i / 2 * 2) / 6.0);
      const double wanted = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
      EXPECT_NEAR(results[0].values<float>()[6 * p + i], wanted, 1e-7);
      EXPECT_NEAR(results[1].values<float>()[6 * p + i], 1.0 + wanted, 3e-7);
    }
  }
}

TEST(RotaryEncoding, TurnsPairsByTheirPlace) {
  TensorSource source("rotary");
  const Tensor x = source.uniform({2, 3, 4});
  for (const auto pairs : {nn::RotaryPairs::neighbours, nn::RotaryPairs::halves}) {
    Graph graph;
    const Tensor y =
        evaluate_value(nn::rotary_encoding(constant(graph, x), {.base = 100.0, .first = 7, .pairs = pairs}));
    for (std::size_t row = 0; row < 6; ++row) {
      for (std::size_t i = 0; i < 2; ++i) {
        const bool halves = pairs == nn::RotaryPairs::halves;
        const std::size_t first = 4 * row + (halves ? i : 2 * i);
        const std::size_t second = 4 * row + (halves ? i + 2 : 2 * i + 1);
        const double angle = static_cast<double>(7 + row % 3) / std::pow(100.0, static_cast<double>(i) / 2.0);
        const double a = x.values<double>()[first];
        const double b = x.values<double>()[second];
        EXPECT_NEAR(y.values<double>()[first], a * std::cos(angle) - b * std::sin(angle), 1e-14);
        EXPECT_NEAR(y.values<double>()[second], b * std::cos(angle) + a * std::sin(angle), 1e-14);
      }
    }
    const auto encoding = [&](std::span<const Value> in) {
      return nn::rotary_encoding(in[0], {.pairs = pairs});
    };
    EXPECT_TRUE(testing_support::gradients_match(encoding, {{x}}));
  }
}

TEST(EncodingsOfPlaces, NeedPairsOfFeatures) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", "length", 5});
  expect_error(ErrorCode::shape_mismatch, {"sinusoidal_encoding", "even", "[batch, length, 5]"},
               [&] { nn::sinusoidal_encoding(x); });
  expect_error(ErrorCode::shape_mismatch, {"rotary_encoding", "even"}, [&] { nn::rotary_encoding(x); });
}

Matrix with_norm(const Weights& weights, const Matrix& x, const std::string& name, double epsilon) {
  Matrix y = normalized_rows(x, epsilon);
  const auto scale = weights.vector(name + "/scale");
  const auto shift = weights.vector(name + "/shift");
  for (auto& row : y) {
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = row[j] * scale[j] + shift[j];
  }
  return y;
}

/// x + f(norm(x)) or norm(x + f(x)).
Matrix sublayer(const Weights& weights, const Matrix& x, const std::string& norm,
                const nn::TransformerOptions& options, const std::function<Matrix(const Matrix&)>& f) {
  if (options.norm_first) {
    return testing_support::sum_of(x, f(with_norm(weights, x, norm, options.epsilon)));
  }
  return with_norm(weights, testing_support::sum_of(x, f(x)), norm, options.epsilon);
}

Matrix two_dense(const Weights& weights, const Matrix& x, const std::string& name) {
  Matrix inner = weights.dense(x, name + "/widen");
  for (auto& row : inner) {
    for (double& u : row) u = std::max(u, 0.0);
  }
  return weights.dense(inner, name + "/narrow");
}

Matrix encoder_of(const Weights& weights, const Matrix& x, const nn::TransformerOptions& options) {
  const auto heads = static_cast<std::size_t>(options.heads);
  const Matrix y = sublayer(weights, x, "e/attention_norm", options, [&](const Matrix& h) {
    return weights.multi_head(h, h, "e/attention", heads, kAll);
  });
  return sublayer(weights, y, "e/dense_norm", options,
                  [&](const Matrix& h) { return two_dense(weights, h, "e"); });
}

Matrix decoder_of(const Weights& weights, const Matrix& x, const Matrix& memory,
                  const nn::TransformerOptions& options) {
  const auto heads = static_cast<std::size_t>(options.heads);
  Matrix y = sublayer(weights, x, "d/attention_norm", options,
                      [&](const Matrix& h) { return weights.multi_head(h, h, "d/attention", heads, kPast); });
  y = sublayer(weights, y, "d/memory_norm", options, [&](const Matrix& h) {
    return weights.multi_head(h, memory, "d/memory_attention", heads, kAll);
  });
  return sublayer(weights, y, "d/dense_norm", options,
                  [&](const Matrix& h) { return two_dense(weights, h, "d"); });
}

TEST(Transformer, FollowsItsFormulaInBothOrders) {
  TensorSource source("transformer");
  const Tensor memory = source.uniform({2, 5, 6});
  const Tensor tensor = source.uniform({2, 3, 6});
  for (const bool norm_first : {false, true}) {
    const nn::TransformerOptions options{.heads = 2, .inner = 8, .norm_first = norm_first, .epsilon = 0.01};
    Graph graph;
    const Value m = input(graph, "m", f64, {"batch", "m", 6});
    const Value x = input(graph, "x", f64, {"batch", "n", 6});
    const auto encoder = nn::transformer_encoder_layer(graph, "e", 6, options, f64);
    const auto decoder = nn::transformer_decoder_layer(graph, "d", 6, options, f64);
    Session session(graph);
    draw_all(session, nn::parameters(encoder, decoder));
    const Value encoded = encoder(m);
    Function function =
        session.compile({.inputs = {m, x}, .outputs = {encoded, decoder(x, encoded)}, .updates = {}});
    const Outputs results = function({memory, tensor});
    const Weights weights(session);
    for (std::size_t b = 0; b < 2; ++b) {
      const Matrix wanted = encoder_of(weights, matrices_of(memory)[b], options);
      expect_matrix_near(matrices_of(results[0])[b], wanted, 1e-10);
      expect_matrix_near(matrices_of(results[1])[b],
                         decoder_of(weights, matrices_of(tensor)[b], wanted, options), 1e-10);
    }
  }
}

TEST(Transformer, HasRightGradients) {
  TensorSource source("transformer gradients");
  const auto both = [](std::span<const Value> in) {
    Graph& graph = in[0].graph();
    const nn::TransformerOptions options{.heads = 2, .inner = 3, .activation = tanh};
    const auto encoder = nn::transformer_encoder_layer(graph, "e", 4, options, f64);
    const auto decoder = nn::transformer_decoder_layer(graph, "d", 4, options, f64);
    return decoder(in[0], encoder(in[1]));
  };
  // Weights start as random numbers, of one key in all evaluations.
  Graph graph;
  const Value x = input(graph, "x", f64, {1, 2, 4});
  const Value m = input(graph, "m", f64, {1, 3, 4});
  const Value y = both(std::vector{x, m});
  const Value weights = constant(graph, source.uniform({1, 2, 4}));
  const Value loss = sum(y * weights);
  Session session(graph, {.seed = 3});
  Function function = session.compile(
      {.inputs = {x, m}, .outputs = {loss, gradient(loss, x), gradient(loss, m)}, .updates = {}});
  const std::vector<Tensor> at{source.uniform({1, 2, 4}), source.uniform({1, 3, 4})};
  const Outputs slopes = function({at[0], at[1]});
  constexpr double kStep = 1e-5;
  for (std::size_t which = 0; which < 2; ++which) {
    const auto slope = numbers(slopes[1 + which]);
    for (std::size_t i = 0; i < slope.size(); ++i) {
      const auto moved = [&](double step) {
        std::vector<Tensor> there{at[0].clone(), at[1].clone()};
        there[which].mutable_values<double>()[i] += step;
        return function({there[0], there[1]})[0].item<double>();
      };
      EXPECT_NEAR(slope[i], (moved(kStep) - moved(-kStep)) / (2.0 * kStep), 1e-7) << which << " " << i;
    }
  }
}

TEST(Transformer, DropsOutInTrainingOnly) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3, 8});
  const auto layer = nn::transformer_encoder_layer(graph, "e", 8, {.heads = 2, .inner = 4, .dropout = 0.5});
  const auto still = nn::transformer_encoder_layer(graph, "s", 8, {.heads = 2, .inner = 4, .dropout = 0.0});
  Session session(graph);
  Function function =
      session.compile({.inputs = {x},
                       .outputs = {layer(x), layer.train(x), still(x), still.train(x), nn::train(layer, x).y},
                       .updates = {}});
  TensorSource source("dropout");
  const Outputs results = function({source.uniform({2, 3, 8}, -1.0, 1.0, f32)});
  EXPECT_FALSE(identical(results[0], results[1]));
  EXPECT_FALSE(identical(results[0], results[4]));
  EXPECT_TRUE(identical(results[2], results[3]));
}

TEST(Transformer, ErrorsNameTheUsersLine) {
  Graph graph;
  const auto decoder = nn::transformer_decoder_layer(graph, "d", 8, {.heads = 2, .inner = 4});
  const Value x = input(graph, "x", f32, {"batch", "n", 8});
  const Value memory = input(graph, "m", f32, {"batch", "m", 7});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { decoder(x, memory); };
  expect_error(ErrorCode::shape_mismatch, {line, "[batch, length, 8]", "[batch, m, 7]"}, wrong);
  expect_error(ErrorCode::invalid_argument, {"3 heads"},
               [&] { nn::transformer_encoder_layer(graph, "e", 8, {.heads = 3}); });
}

}  // namespace
}  // namespace weft
