#include "cache/analyzed_prompts.h"

namespace reprise {

std::shared_ptr<const Prompt> AnalyzedPrompts::Of(std::uint64_t entry, const std::string& prompt) {
  const std::size_t place = entry % slots_.size();
  Slot& slot = slots_[place];
  std::mutex& mutex = mutexes_[place % mutexes_.size()];
  {
    std::lock_guard lock(mutex);
    if (slot.prompt && slot.entry == entry) return slot.prompt;
  }
  Slot fresh{entry, std::make_shared<const Prompt>(Analyze(prompt))};
  auto analyzed = fresh.prompt;
  std::lock_guard lock(mutex);
  std::swap(slot, fresh);
  return analyzed;
}

}  // namespace reprise
