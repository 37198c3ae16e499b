// Start-up: what is stored comes into memory, then into the indexes' graphs.
#include <mutex>

#include "base/log.h"
#include "cache/library.h"

namespace reprise {
namespace {

// About 10 ms of a worker's time.
constexpr std::size_t kSettleSteps = 24;
constexpr std::chrono::milliseconds kLoadPause{50};

}  // namespace

Task<Result<void>> Library::Load(EntrySource source) {
  std::mutex mutex;
  std::vector<EntryPtr> expired;
  const std::int64_t now = parts_.clock.NowMs();
  const auto expect = [this](std::uint64_t entries) {
    parts_.table.Reserve(entries);
    refs_.Reserve(entries);
  };
  const auto visit = [&](EntryPtr entry, StoredVector&& vector) {
    TakeIn(entry, vector, now);
    if (!entry->ExpiredAt(now)) return;
    std::lock_guard lock(mutex);
    expired.push_back(std::move(entry));
  };
  const auto loaded = source({.expect = expect, .visit = visit});
  if (!loaded) co_return std::unexpected(loaded.error());
  const auto removed = co_await Remove(std::move(expired));
  if (!removed) log::warn("expired entries stay stored: {}", removed.error().message);
  co_return Result<void>();
}

// Safe for any thread, for different entries.
void Library::TakeIn(const EntryPtr& entry, const StoredVector& vector, std::int64_t now_ms) {
  const Entry& record = entry->record();
  for (const StoredImage& image : record.images) refs_.AddLoaded(image.blob, image.bytes);
  parts_.table.Put(entry);
  WatchExpiry(record);
  if (entry->usage().indexed || entry->ExpiredAt(now_ms)) return;
  if (!LoadVector(*entry, vector)) parts_.backlog.Push(record.id);
}

// False: the entry needs another vector.
bool Library::LoadVector(const CachedEntry& entry, const StoredVector& vector) {
  if (vector.values.empty() || vector.embedder != parts_.embedder) return false;
  const Entry& record = entry.record();
  const auto added = parts_.semantic.Append(record.compatibility, record.id, vector.values);
  if (!added)
    log::warn("the vector of entry {} is of no use: {}", record.id, added.error().message);
  entry.usage().indexed = added.has_value();
  return added.has_value();
}

Task<> Library::SettleIndexes(const std::atomic<bool>& stop) {
  while (!stop) {
    auto work = [this]() -> Result<bool> { return parts_.semantic.Settle(kSettleSteps); };
    const auto more = co_await parts_.workers.Run(std::move(work));
    if (more && !*more) co_return;
    if (!more) co_await Sleep(kLoadPause);
  }
}

}  // namespace reprise
