// `weft onnx` as its users meet it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/tests/frontends/cli/run_program.h"
#include "weft/tests/onnx/wire_bytes.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using testing_support::bytes_field;
using testing_support::number_field;
using testing_support::operator+;
using testing_support::TemporaryFolder;
using testing_support::text_field;
using testing_support::WireBytes;

/// y = op(x) for x f32[batch].
WireBytes model_bytes(std::string_view op) {
  const WireBytes node = text_field(1, "x") + text_field(2, "y") + text_field(4, op);
  const WireBytes type =
      bytes_field(1, number_field(1, 1) + bytes_field(2, bytes_field(1, text_field(2, "batch"))));
  const WireBytes graph = bytes_field(1, node) + text_field(2, "small") +
                          bytes_field(11, text_field(1, "x") + bytes_field(2, type)) +
                          bytes_field(12, text_field(1, "y"));
  return number_field(1, 8) + bytes_field(7, graph) + bytes_field(8, number_field(2, 17));
}

class OnnxCli : public ::testing::Test {
 protected:
  std::string file(std::string_view op) const {
    testing_support::write_bytes(folder_ / "model.onnx", model_bytes(op));
    return (folder_ / "model.onnx").string();
  }
  TemporaryFolder folder_;
};

TEST_F(OnnxCli, ShowsAModel) {
  const ProgramRun run = run_program({"onnx", "show", file("Tanh")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("inputs      x  f32[batch]"));
  EXPECT_THAT(run.out, HasSubstr("    1  Tanh\n"));
  EXPECT_THAT(run_program({"onnx", "show", file("Wobble")}).out, HasSubstr("Wobble  (not known here)"));
}

TEST_F(OnnxCli, ChecksAModel) {
  const ProgramRun run = run_program({"onnx", "check", file("Tanh"), "--dim", "batch=7"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("1 outputs; compiled and by the reference kernels"));
}

TEST_F(OnnxCli, SaysWhatIsWrong) {
  EXPECT_EQ(run_program({"onnx"}).exit_code, 2);
  const ProgramRun refused = run_program({"onnx", "check", file("Wobble")});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("Wobble 'y': no such operator is known here"));
  EXPECT_THAT(run_program({"onnx", "check", file("Tanh"), "--dim", "batch"}).err,
              HasSubstr("--dim takes NAME=SIZE"));
}

}  // namespace
}  // namespace weft
