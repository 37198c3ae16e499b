// Analysed prompts of stored entries, those that were judged last: analysing takes longer than
// verifying, and keeping every one would take more memory than the entries do. Safe for any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "prompt/prompt.h"

namespace reprise {

class AnalyzedPrompts {
 public:
  // At most so many prompts are kept, of some 2 KB each, and at most so many bytes of them.
  explicit AnalyzedPrompts(std::size_t most = 16'384, std::size_t most_bytes = 64u << 20)
      : most_bytes_(most_bytes), slots_(most) {}

  // The entry's prompt; an id's text never changes.
  std::shared_ptr<const Prompt> Of(std::uint64_t entry, const std::string& prompt);

 private:
  // Each entry has one slot, where the last of those that share it stays.
  struct Slot {
    std::uint64_t entry = 0;
    std::shared_ptr<const Prompt> prompt;
    std::size_t bytes = 0;
  };
  const std::size_t most_bytes_;
  std::atomic<std::size_t> bytes_ = 0;
  std::vector<Slot> slots_;
  std::array<std::mutex, 64> mutexes_;  // of slot i: i modulo their number
};

}  // namespace reprise
