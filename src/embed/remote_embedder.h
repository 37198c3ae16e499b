// An embedding API as an Embedder: texts that are asked for at the same time share a call, calls
// that can pass are retried, and an API that keeps failing is left alone for a while.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/async_value.h"
#include "base/circuit_breaker.h"
#include "base/worker_pool.h"
#include "embed/embedder.h"
#include "embed/embedding_api.h"
#include "http/client.h"
#include "http/retry.h"

namespace reprise {

struct RemoteEmbedderOptions {
  std::size_t max_batch = 32;                // texts in a call
  std::chrono::milliseconds window{3};       // a text waits that long for others, but not when idle
  std::size_t max_calls = 8;                 // at the same time
  std::size_t max_waiting = 4'096;           // texts without a call; more are refused
  std::chrono::milliseconds timeout{3'000};  // of an Embed: waiting, calls and retries
  http::RetryPolicy retry{.max_attempts = 2,
                          .base = std::chrono::milliseconds(100),
                          .max = std::chrono::milliseconds(1'000)};
  CircuitBreakerOptions breaker;
};

// What the embedder uses; all of it outlives the embedder.
struct RemoteEmbedderParts {
  http::Client& client;
  WorkerPool& workers;  // reads answers, which may be megabytes of JSON
  asio::io_context& context;
  const Clock& clock;
};

// Outlives its calls: destroy it after the threads of `context` have ended.
class RemoteEmbedder final : public Embedder {
 public:
  RemoteEmbedder(std::unique_ptr<EmbeddingApi> api, RemoteEmbedderOptions options,
                 RemoteEmbedderParts parts);

  std::string_view identity() const override { return api_->identity(); }
  // What was asked for, or what the first answer had; 0 before it.
  std::size_t dimensions() const override { return dimensions_.load(); }

  // kUnavailable at once while the API is left alone, kOverloaded when too many texts wait,
  // kDeadlineExceeded after `timeout`.
  Task<Result<Embedding>> Embed(const Prompt& prompt) override;

  CircuitBreaker::State breaker_state() const { return breaker_.state(); }
  std::size_t waiting() const;  // texts without a call

 private:
  struct Waiting {
    std::string text;
    Deadline deadline;
    std::shared_ptr<AsyncValue<Result<Embedding>>> done;
  };
  using Batch = std::vector<Waiting>;
  struct Failure {
    Error error;
    http::FailedAttempt attempt;
  };

  Result<void> Enqueue(Waiting waiting);
  Batch TakeBatch();  // the lock is held
  void StartCalls(Batch batch);
  Task<> CloseWindow();
  Task<> RunCalls(Batch batch);
  Batch EndCall();

  Task<> Answer(Batch batch);
  Task<Result<std::vector<Embedding>>> Call(const std::vector<std::string>& texts,
                                            Deadline deadline);
  Failure Judge(Result<http::ClientResponse> response, CircuitBreaker::Ticket ticket);
  Task<Result<std::vector<Embedding>>> Read(http::ClientResponse response, std::size_t count);
  Result<void> LearnDimensions(const std::vector<Embedding>& vectors);
  Error Away() const;

  const std::unique_ptr<EmbeddingApi> api_;
  const RemoteEmbedderOptions options_;
  const RemoteEmbedderParts parts_;
  CircuitBreaker breaker_;
  std::atomic<std::size_t> dimensions_;

  mutable std::mutex mutex_;
  std::deque<Waiting> waiting_;
  std::size_t calls_ = 0;  // under way
  bool window_open_ = false;
};

}  // namespace reprise
