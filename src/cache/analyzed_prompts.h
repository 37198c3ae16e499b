// Analysed prompts of stored entries, those that were judged last: analysing takes longer than
// verifying, and keeping every one would take more memory than the entries do. Safe for any thread.
#pragma once

#include <array>
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
  // `most` prompts are kept, of some 2 KB each.
  explicit AnalyzedPrompts(std::size_t most = 16'384) : slots_(most) {}

  // The entry's prompt; an id's text never changes.
  std::shared_ptr<const Prompt> Of(std::uint64_t entry, const std::string& prompt);

 private:
  // Each entry has one slot, where the last of those that share it stays.
  struct Slot {
    std::uint64_t entry = 0;
    std::shared_ptr<const Prompt> prompt;
  };
  std::vector<Slot> slots_;
  std::array<std::mutex, 64> mutexes_;  // of slot i: i modulo their number
};

}  // namespace reprise
