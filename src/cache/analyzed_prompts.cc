#include "cache/analyzed_prompts.h"

namespace reprise {
namespace {

std::size_t BytesOf(const Prompt& prompt) {
  std::size_t bytes = sizeof(Prompt) + prompt.original.capacity() + prompt.normalized.capacity() +
                      prompt.tokens.capacity() * sizeof(Token);
  for (const std::string& quoted : prompt.quoted) bytes += sizeof(quoted) + quoted.capacity();
  return bytes;
}

}  // namespace

std::shared_ptr<const Prompt> AnalyzedPrompts::Of(std::uint64_t entry, const std::string& prompt) {
  const std::size_t place = entry % slots_.size();
  Slot& slot = slots_[place];
  std::mutex& mutex = mutexes_[place % mutexes_.size()];
  {
    std::lock_guard lock(mutex);
    if (slot.prompt && slot.entry == entry) return slot.prompt;
  }
  auto analyzed = std::make_shared<const Prompt>(Analyze(prompt));
  Slot fresh{entry, analyzed, BytesOf(*analyzed)};
  std::lock_guard lock(mutex);
  // Where there is no room for it, what has its place stays.
  if (bytes_.fetch_add(fresh.bytes) + fresh.bytes > most_bytes_ + slot.bytes) {
    bytes_ -= fresh.bytes;
    return analyzed;
  }
  bytes_ -= slot.bytes;
  std::swap(slot, fresh);
  return analyzed;
}

}  // namespace reprise
