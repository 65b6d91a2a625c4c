#include "weft/frontends/onnx/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/tests/onnx/model_builder.h"

namespace weft::onnx {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_support::model_of;
using testing_support::node;
using testing_support::tensor_proto;

TEST(OnnxDescribe, ShowsWhatAModelHolds) {
  ModelProto model = model_of({"batch", "2"}, {node("MatMul", {"x", "w"}, {"a"}), node("Relu", {"a"}, {"b"}),
                                               node("Relu", {"b"}, {"y"})});
  model.graph.initializer = {tensor_proto("w", {1, 2, 3, 4, 5, 6}, {2, 3})};
  const std::string text = describe(model, {});
  EXPECT_THAT(text, HasSubstr("inputs      x  f32[batch, 2]\n"));
  EXPECT_THAT(text, HasSubstr("weights     1 tensors, 6 numbers\n"));
  EXPECT_THAT(text, HasSubstr("operators       1  MatMul\n                2  Relu\n"));
  EXPECT_THAT(text, HasSubstr("1 parameters, 0 buffers; y f32[batch, 3]\n"));
}

TEST(OnnxDescribe, MarksWhatIsNotKnownAndMakesNamesSafe) {
  const ModelProto model = model_of({"2"}, {node("Wob\nble", {"x"}, {"y"})});
  const std::string text = describe(model, {});
  EXPECT_THAT(text, HasSubstr("1  Wob\\nble  (not known here)\n"));
  EXPECT_THAT(text, HasSubstr("refused     the graph 'test' cannot be imported: Wob\\nble 'y'"));
  EXPECT_THAT(text, Not(HasSubstr("imports as")));
}

}  // namespace
}  // namespace weft::onnx
