// Simulated image APIs for demos, tests and trials without a key, on one HTTP server: OpenAI's
// Images and Embeddings, chat completions with image output, RunPod serverless, Pollinations and
// Automatic1111. Real images that show their prompt and look alike for prompts with the same words,
// a latency and an error rate to choose, faults on demand (see simulator_core.h), and a count of
// calls at GET /_calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

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
  // Serves on `loops`, does its own work on `context` and `workers`; all outlive it.
  Simulator(IoLoops& loops, asio::io_context& context, WorkerPool& workers,
            SimulatorOptions options);
  ~Simulator();

  Result<void> Start();
  std::uint16_t port() const;
  // OpenAI's and chat's: "http://127.0.0.1:PORT/v1"
  std::string base_url() const;
  // "http://127.0.0.1:PORT": Pollinations' and Automatic1111's; RunPod's continues "/v2/ENDPOINT".
  std::string origin() const;
  std::uint64_t image_calls() const;
  std::uint64_t cancelled_jobs() const;  // RunPod's
  // See Server::Drain.
  bool Drain(std::chrono::milliseconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reprise
