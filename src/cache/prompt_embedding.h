// Embeds prompts through an embedder that may be slow or away: within a deadline, counted, and
// complained about once in a while instead of once per request. Safe for any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "embed/embedder.h"

namespace reprise {

class PromptEmbedding {
 public:
  // `embedder` outlives this object, which outlives every call, those cut off included.
  explicit PromptEmbedding(Embedder& embedder) : embedder_(embedder) {}

  // The vector, or the embedder's error, or kDeadlineExceeded after `patience`; the call then ends
  // by itself, and what it gives is dropped.
  Task<Result<Embedding>> Embed(std::shared_ptr<const Prompt> prompt,
                                std::chrono::milliseconds patience);

  // A request that goes on with exact matching only.
  void CountExactOnly() { exact_only_.fetch_add(1, std::memory_order_relaxed); }

  // {calls, errors, timeouts, exact_only_requests}
  nlohmann::json ToJson() const;

  // Calls that have not ended, some of them perhaps cut off.
  std::size_t under_way() const { return under_way_.load(); }

 private:
  struct Call;
  Task<> Run(std::shared_ptr<Call> call);
  void NoteSuccess();
  void NoteFailure(const std::string& message);

  Embedder& embedder_;
  std::atomic<std::size_t> under_way_ = 0;
  std::atomic<std::uint64_t> calls_ = 0, errors_ = 0, timeouts_ = 0, exact_only_ = 0;
  // What the log has been told.
  std::atomic<bool> failing_ = false;
  std::mutex mutex_;
  std::uint64_t unsaid_ = 0;  // failures since the last line
  std::chrono::steady_clock::time_point said_;
};

}  // namespace reprise
