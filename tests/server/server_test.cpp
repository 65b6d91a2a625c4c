// The server as its clients meet it: a process of its own on a free port.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/tests/server/served_model.h"

#ifdef WEFT_SERVER
#include <httplib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

namespace weft {
namespace {

using testing::HasSubstr;
using testing_support::ServedModel;

/// The process; `stop` ends it as a user would, and the destructor in any case.
class ServerProcess {
 public:
  explicit ServerProcess(const std::string& model) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execl(WEFT_SERVER, WEFT_SERVER, model.c_str(), "--port", "0", "--wait", "2000", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ::fdopen(ends[0], "r");
    const std::string said = line();
    const std::size_t colon = said.rfind(':');
    if (colon != std::string::npos) port_ = std::atoi(said.c_str() + colon + 1);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    std::fclose(out_);
  }

  int port() const { return port_; }
  std::string line() {
    std::array<char, 256> text{};
    return std::fgets(text.data(), static_cast<int>(text.size()), out_) == nullptr ? "" : text.data();
  }
  /// Its exit status.
  int stop() {
    int status = -1;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

 private:
  pid_t child_ = -1;
  std::FILE* out_ = nullptr;
  int port_ = 0;
};

nlohmann::json rows_as_json(const Tensor& rows) {
  nlohmann::json list = nlohmann::json::array();
  const auto values = rows.values<float>();
  for (std::int64_t row = 0; row < rows.sizes()[0]; ++row) {
    const auto numbers = values.subspan(static_cast<std::size_t>(row * rows.sizes()[1]),
                                        static_cast<std::size_t>(rows.sizes()[1]));
    list.push_back(std::vector<float>(numbers.begin(), numbers.end()));
  }
  return {{"rows", list}};
}

/// The outputs in an answer, as the model gives them.
std::vector<Tensor> outputs_in(const std::string& body) {
  const nlohmann::json json = nlohmann::json::parse(body);
  const auto classes = json.at("classes").get<std::vector<std::int64_t>>();
  std::vector<float> scores;
  for (const auto& row : json.at("scores")) {
    for (const auto& number : row) scores.push_back(number.get<float>());
  }
  const auto count = static_cast<std::int64_t>(classes.size());
  return {Tensor::of(classes), Tensor::of(scores, {count, 3})};
}

TEST(ServerExample, AnswersManyClientsAtOnceAndStopsGracefully) {
  constexpr int kClients = 8;
  constexpr int kRequests = 20;
  const ServedModel served;
  ServerProcess server(served.path().string());
  ASSERT_GT(server.port(), 0);
  std::atomic<int> right{0};
  const auto ask = [&](int which) {
    httplib::Client client("127.0.0.1", server.port());
    client.set_keep_alive(true);
    for (int i = 0; i < kRequests; ++i) {
      const Tensor rows = ServedModel::rows(1 + i % 2, which * kRequests + i);
      const auto answer = client.Post("/predict", rows_as_json(rows).dump(), "application/json");
      if (answer && answer->status == 200 && served.is_right(rows, outputs_in(answer->body)))
        right.fetch_add(1);
    }
  };
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kClients; ++i) clients.emplace_back(ask, i);
  }
  EXPECT_EQ(right.load(), kClients * kRequests);

  httplib::Client client("127.0.0.1", server.port());
  const auto refused = client.Post("/predict", R"({"rows": [[1, 2]]})", "application/json");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_THAT(refused->body, HasSubstr("2 numbers"));
  EXPECT_EQ(client.Post("/predict", "{", "application/json")->status, 400);
  const auto about = client.Get("/");
  ASSERT_TRUE(about);
  EXPECT_LT(nlohmann::json::parse(about->body).at("calls").get<int>(), kClients * kRequests);
  client.stop();

  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.line(), HasSubstr("stopped after"));
}

}  // namespace
}  // namespace weft
#else
TEST(ServerExample, AnswersManyClientsAtOnceAndStopsGracefully) {
  GTEST_SKIP() << "cpp-httplib is not installed (./dev deps --server)";
}
#endif
