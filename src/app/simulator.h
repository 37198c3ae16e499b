// A simulated image API for demos, tests and trials without a key: OpenAI's Images and Embeddings
// routes over HTTP, real images that show their prompt and look alike for prompts with the same
// words, a latency and an error rate to choose, and
// a count of calls at GET /_calls.
//
// A prompt can ask for a fault: "simulate:refuse" (content policy), "simulate:error=503",
// "simulate:not-an-image", "simulate:truncated", "simulate:empty", "simulate:hang".
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "base/io_threads.h"
#include "base/worker_pool.h"
#include "http/server.h"

namespace reprise {

struct SimulatorOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::chrono::milliseconds latency{2000};
  double error_rate = 0;  // share of image calls answered with a 500
};

class Simulator {
 public:
  // `context` and `workers` outlive it.
  Simulator(asio::io_context& context, WorkerPool& workers, SimulatorOptions options);
  ~Simulator();

  Result<void> Start();
  std::uint16_t port() const;
  // "http://127.0.0.1:PORT/v1"
  std::string base_url() const;
  std::uint64_t image_calls() const;
  // See Server::Drain.
  bool Drain(std::chrono::milliseconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reprise
