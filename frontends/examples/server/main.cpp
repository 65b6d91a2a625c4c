// Serves a saved model over HTTP, on cpp-httplib. Requests that come at the same time become one call of the
// function (batcher.h).
//
//   POST /predict   {"rows": [[...], ...]}, a row's numbers nested as its axes or flat, gives
//                   {"classes": [...], "logits": [[...], ...]}: each output by its name
//   GET /           the function's input and outputs, and how many calls were made
//
// SIGINT or SIGTERM ends it: no new connections are taken, and requests under way are answered.

#include <fmt/format.h>
#include <httplib.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "weft/frontends/examples/server/batcher.h"
#include "weft/frontends/examples/server/json_tensor.h"
#include "weft/runtime/files/json_text.h"

namespace {

using namespace weft;

struct ServerArgs {
  std::string model;
  std::string function = "predict";
  std::string host = "127.0.0.1";
  int port = 8080;
  int threads = 1;
  std::int64_t most_rows = 32;
  std::int64_t wait = 500;
  std::size_t connections = 16;
};

void answer(const httplib::Request& request, httplib::Response& response, examples::Batcher& batcher,
            const TensorType& type) {
  constexpr int kBadRequest = 400;
  try {
    const nlohmann::json asked = nlohmann::json::parse(request.body);
    const std::vector<Tensor> outputs = batcher.predict(examples::rows_of_json(asked.at("rows"), type));
    nlohmann::ordered_json made;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      made[batcher.function().outputs()[i]] = examples::json_of_tensor(outputs[i]);
    response.set_content(json_text(made), "application/json");
  } catch (const std::exception& error) {
    response.status = kBadRequest;
    response.set_content(json_text({{"error", error.what()}}), "application/json");
  }
}

/// Ends the server when the process is asked to. Signals are blocked in every thread, and this one waits for
/// them.
class Stopper {
 public:
  explicit Stopper(httplib::Server& server) {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    waiting_ = std::thread([this, &server] {
      int signal = 0;
      sigwait(&signals_, &signal);
      server.stop();
    });
  }
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;
  ~Stopper() {
    pthread_kill(waiting_.native_handle(), SIGINT);
    waiting_.join();
  }

 private:
  sigset_t signals_{};
  std::thread waiting_;
};

/// The port that the server listens on; below 0 where it cannot.
int bound_port(httplib::Server& server, const ServerArgs& args) {
  if (args.port == 0) return server.bind_to_any_port(args.host);
  return server.bind_to_port(args.host, args.port) ? args.port : -1;
}

int serve(const ServerArgs& args) {
  constexpr std::size_t kMostBytes = std::size_t{64} << 20U;  // of a request
  httplib::Server server;
  Stopper stopper(server);  // before any other thread starts, so that all of them block the signals
  onnx::Model model = onnx::load_model(args.model, {.session = {.threads = args.threads}});
  const onnx::NamedFunction& values = model.values(args.function);
  examples::Batcher batcher(model.function(args.function),
                            {.most_rows = args.most_rows, .most_wait = std::chrono::microseconds(args.wait)});
  const TensorType type = values.spec.inputs.at(0).type();
  server.new_task_queue = [&] { return std::make_unique<httplib::ThreadPool>(args.connections).release(); };
  server.set_payload_max_length(kMostBytes);
  server.set_tcp_nodelay(true);
  server.Post("/predict", [&](const httplib::Request& request, httplib::Response& response) {
    answer(request, response, batcher, type);
  });
  server.Get("/", [&](const httplib::Request&, httplib::Response& response) {
    const nlohmann::ordered_json about{{"input", batcher.function().inputs().at(0)},
                                       {"type", to_string(type)},
                                       {"outputs", batcher.function().outputs()},
                                       {"calls", batcher.calls()}};
    response.set_content(about.dump(), "application/json");
  });
  const int port = bound_port(server, args);
  if (port < 0)
    throw Error(ErrorCode::io, fmt::format("cannot listen on port {} of {}", args.port, args.host));
  fmt::print("listening on http://{}:{}\n", args.host, port);
  std::fflush(stdout);
  server.listen_after_bind();
  fmt::print("stopped after {} calls\n", batcher.calls());
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  ServerArgs args;
  CLI::App app("Serves a model that weft saved over HTTP");
  app.add_option("MODEL", args.model, "an ONNX model with functions of one input")->required();
  app.add_option("--function", args.function, "which of its functions")->capture_default_str();
  app.add_option("--host", args.host, "where to listen")->capture_default_str();
  app.add_option("--port", args.port, "0: any that is free")->capture_default_str();
  app.add_option("--threads", args.threads, "of one call")->capture_default_str();
  app.add_option("--rows", args.most_rows, "the most rows of one call")->capture_default_str();
  app.add_option("--wait", args.wait, "microseconds to wait for more rows")->capture_default_str();
  app.add_option("--connections", args.connections, "requests that are read at once")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return serve(args);
} catch (const std::exception& error) {
  fmt::print(stderr, "server: {}\n", error.what());
  return 1;
}
