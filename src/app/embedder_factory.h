// The embedder that the configuration asks for.
#pragma once

#include <memory>

#include "app/config.h"
#include "base/clock.h"
#include "base/io_threads.h"
#include "base/worker_pool.h"
#include "embed/embedder.h"
#include "http/client.h"

namespace reprise {

// What embedders use; all of it outlives the embedder, whose tasks have ended by then.
struct EmbedderParts {
  http::Client& client;
  WorkerPool& workers;
  asio::io_context& context;
  const Clock& clock;
};

// Reads model files and asks no network. kInvalidArgument names the setting at fault and the way
// out; kNotFound, kCorrupt and kUnavailable tell what is wrong with a model or with ONNX Runtime.
Result<std::unique_ptr<Embedder>> MakeEmbedder(const EmbedderConfig& config, EmbedderParts parts);

// What an embedder needs, for a command that has no service running. Ends its threads when it goes,
// after the embedder.
class EmbedderRuntime {
 public:
  EmbedderRuntime() = default;
  ~EmbedderRuntime() {
    client_.Stop();
    workers_.Join();
    io_.Stop();
  }

  EmbedderParts parts() { return {client_, workers_, io_.context(), clock_}; }
  asio::io_context& context() { return io_.context(); }

 private:
  IoThreads io_{0};
  WorkerPool workers_{1, 64};
  http::Client client_;
  SystemClock clock_;
};

}  // namespace reprise
