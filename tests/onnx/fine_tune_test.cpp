// The examples fine_tune, serve_model and use_model, one program after the other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "weft/frontends/onnx/export.h"
#include "weft/tests/support/temporary_folder.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

/// What a program prints, with what it says of errors.
std::string printed_by(const std::string& command) {
  std::FILE* const out = ::popen((command + " 2>&1").c_str(), "r");
  std::string text;
  for (std::array<char, 256> part{}; std::fgets(part.data(), static_cast<int>(part.size()), out) != nullptr;)
    text += part.data();
  ::pclose(out);
  return text;
}

/// A classifier with fresh weights, as another program would have written it.
void save_classifier(const std::filesystem::path& path) {
  Graph graph;
  const Value pictures = input(graph, "input", f32, {"batch", 1, 28, 28});
  const nn::Sequential network{nn::conv2d(graph, "conv1", 8, 5),
                               relu,
                               nn::MaxPool2d{{.window = 2}},
                               nn::conv2d(graph, "conv2", 16, 5),
                               relu,
                               nn::MaxPool2d{{.window = 2}},
                               nn::Flatten{},
                               nn::dense(graph, "dense", 10)};
  save(path, {.inputs = {pictures}, .outputs = {network(pictures)}}, {.output_names = {"logits"}});
}

TEST(FineTuneExample, TrainsSavesAndServes) {
  const testing_support::TemporaryFolder folder;
  const std::string net = (folder.path() / "net.onnx").string();
  const std::string tuned = (folder.path() / "tuned.onnx").string();
  save_classifier(net);
  const std::string trained = printed_by(std::string(WEFT_FINE_TUNE) + " " + net + " " + tuned + " 2");
  EXPECT_THAT(trained, testing::MatchesRegex("9[0-9]\\.[0-9]+% right\n"));
  const std::string served = printed_by(std::string(WEFT_SERVE_MODEL) + " " + tuned);
  EXPECT_THAT(served, testing::MatchesRegex("9[0-9][0-9] of 1000 right\n"));
  // Both saw the same pictures.
  EXPECT_NEAR(std::atof(trained.c_str()), 0.1 * std::atof(served.c_str()), 0.001);
  EXPECT_THAT(printed_by(std::string(WEFT_USE_MODEL) + " " + tuned),
              testing::MatchesRegex("i64\\[1\\] \\{[0-9]\\}\n"));
  EXPECT_THAT(printed_by(std::string(WEFT_SERVE_MODEL) + " " + (folder.path() / "none.onnx").string()),
              testing::StartsWith("serve_model: "));
}

}  // namespace
}  // namespace weft::onnx
