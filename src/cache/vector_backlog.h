// Entries whose prompts have no vector of the present embedder yet: exact requests find them,
// others do not. Safe for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_set>
#include <vector>

namespace reprise {

class VectorBacklog {
 public:
  // Since the start. What is waiting or being embedded: total - done - failed.
  struct Progress {
    std::uint64_t total = 0, done = 0, failed = 0;
    std::uint64_t open() const { return total - done - failed; }
  };

  // Nothing happens when the entry is in the backlog already.
  void Push(std::uint64_t entry);

  // Up to `count` entries, oldest first. Each must go to one of the next three.
  std::vector<std::uint64_t> Take(std::size_t count);
  void Return(std::uint64_t entry);  // later, after the others
  void Done(std::uint64_t entry);    // or gone
  void Fail(std::uint64_t entry);    // given up until the next start

  Progress progress() const;
  std::size_t waiting() const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::uint64_t> queue_;
  std::unordered_set<std::uint64_t> open_;  // in the queue, or taken
  Progress progress_;
};

}  // namespace reprise
