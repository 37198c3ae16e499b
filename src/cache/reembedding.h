// Works off the vector backlog in the background: after a change of embedder, and for entries made
// while the embedder was away. A few prompts are embedded at a time; their vectors go to the store
// first and into the index then, so a restart goes on where this one stopped. Safe for any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cache/library.h"
#include "cache/prompt_embedding.h"
#include "cache/vector_backlog.h"

namespace reprise {

class Reembedding {
 public:
  // All of them outlive this object, and this object its tasks (see under_way).
  struct Parts {
    VectorBacklog& backlog;
    Library& library;
    const EntryTable& table;
    PromptEmbedding& embedding;
    asio::io_context& context;
    const Clock& clock;
    std::string embedder;  // its identity
  };
  explicit Reembedding(Parts parts) : parts_(std::move(parts)) {}

  // Starts the work, unless it is under way, there is none, or it failed a moment ago (10 s after
  // the first failure, up to 5 min after more). To be called now and then.
  void Kick();

  // From now on nothing new is begun.
  void Stop() { stopped_ = true; }

  // Tasks that have not ended.
  std::size_t under_way() const { return tasks_.load(); }

  // {embedder, total, done, failed}
  nlohmann::json ToJson() const;

 private:
  using Vectors = std::vector<EntryVector>;
  bool Halted() const;
  // Counts them as begun.
  std::size_t LanesToStart();
  Task<> Lane();
  Task<> WorkOff(std::vector<std::uint64_t> entries);
  Task<> EmbedInto(std::uint64_t id, Vectors& vectors);
  Task<> Keep(Vectors vectors);
  void BackOff();
  void NoteEnd();

  const Parts parts_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::size_t> tasks_ = 0;
  std::atomic<std::int64_t> retry_at_ms_ = 0;
  std::mutex mutex_;
  std::size_t lanes_ = 0;
  int failures_ = 0;  // since the last success
  std::chrono::steady_clock::time_point started_;
};

}  // namespace reprise
