#include "cache/library.h"

#include <algorithm>

#include "base/log.h"

namespace reprise {
namespace {

constexpr std::chrono::seconds kLockPatience{120};
constexpr std::size_t kLockQueue = 100'000;

constexpr std::chrono::milliseconds kBusyPause{50};

// Entries removed in one transaction, while requests of their lock wait.
constexpr std::size_t kRemovalBatch = 256;
// Dues of entries that are gone or were made again, which may be kept beside one for each entry.
constexpr std::size_t kStaleDues = 1000;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::int64_t LatestExpiry(const std::vector<StoredImage>& images) {
  std::int64_t latest = 0;
  for (const StoredImage& image : images) {
    if (image.expires_ms == 0) return 0;
    latest = std::max(latest, image.expires_ms);
  }
  return latest;
}

// 0: never.
std::int64_t FirstExpiry(const Entry& record) {
  std::int64_t first = 0;
  for (const StoredImage& image : record.images) {
    if (image.expires_ms != 0 && (first == 0 || image.expires_ms < first)) first = image.expires_ms;
  }
  return first;
}

Error Gone(const StoredImage& image) {
  return {.code = Code::kNotFound,
          .message = "image " + image.id + " is recorded, but its blob " + image.blob.Hex() +
                     " is not in the store"};
}

// Completes a record with what follows from its images and its use.
void Stamp(Entry& record, const EntryUsage& usage) {
  record.expires_ms = LatestExpiry(record.images);
  const std::uint64_t hits = usage.hits, unflushed = usage.unflushed_hits;
  record.hits = hits - std::min(hits, unflushed);  // FlushUse adds the others
  record.last_used_ms = usage.last_used_ms;
}

}  // namespace

Library::Library(Parts parts) : parts_(parts), hot_(parts.hot_bytes) {
  for (auto& lock : locks_) lock = std::make_unique<AsyncSemaphore>(1, kLockQueue);
}

Task<Result<Library::Lock>> Library::LockFor(Digest fingerprint) {
  auto& lock = *locks_[LockOf(fingerprint)];
  co_return co_await lock.Acquire(After(kLockPatience));
}

Task<Result<std::set<std::uint64_t>>> Library::SetVectors(std::vector<EntryVector> vectors) {
  const auto put = co_await parts_.entries.PutVectors(vectors);
  if (!put) co_return std::unexpected(put.error());
  std::set<std::uint64_t> refused;
  for (EntryVector& vector : vectors) {
    const std::uint64_t entry = vector.entry;
    if (!co_await IndexIfStored(std::move(vector))) refused.insert(entry);
  }
  co_return refused;
}

// False: no index takes such a vector.
Task<bool> Library::IndexIfStored(EntryVector vector) {
  const EntryPtr seen = parts_.table.FindById(vector.entry);
  if (!seen) co_return true;
  // An entry that is being removed must not come back.
  const auto lock = co_await LockFor(seen->record().fingerprint);
  const EntryPtr entry = parts_.table.FindById(vector.entry);
  if (!lock || !entry || entry->usage().indexed) co_return true;
  co_return co_await IndexWhereItFits(entry, std::move(vector.vector));
}

// False: refused. Whatever else keeps the entry out of the index, the backlog brings it there
// later.
Task<bool> Library::IndexWhereItFits(EntryPtr entry, StoredVector vector) {
  if (parts_.semantic.AddsQuickly(entry->record().compatibility)) co_return Index(entry, vector);
  auto work = [this, entry, vector = std::move(vector)]() -> Result<bool> {
    return Index(entry, vector);
  };
  const auto indexed = co_await parts_.workers.Run(std::move(work));
  if (!indexed) log::warn("an entry is not indexed yet: {}", indexed.error().message);
  co_return !indexed || *indexed;
}

bool Library::Index(const EntryPtr& entry, const StoredVector& vector) {
  const Entry& record = entry->record();
  const auto added = parts_.semantic.Add(record.compatibility, record.id, vector.values);
  entry->usage().indexed = added && !vector.values.empty();
  if (!added) log::error("entry {} is not indexed: {}", record.id, added.error().message);
  return entry->usage().indexed;
}

Task<Result<EntryPtr>> Library::Publish(Draft draft) {
  auto lock = co_await LockFor(draft.entry.fingerprint);
  if (!lock) co_return std::unexpected(lock.error());
  if (draft.joins && !Has(draft.entry.fingerprint)) {
    co_return Fail(Code::kConflict, "the entry that the image belongs to was removed meanwhile");
  }
  auto stored = co_await PutBlobs(draft.images);
  if (!stored) co_return std::unexpected(stored.error());
  std::vector<StoredImage> added;
  for (const FreshImage& fresh : draft.images) added.push_back(fresh.image);
  auto published = co_await PublishLocked(std::move(draft));
  if (!published) co_await ReleaseBlobs(std::move(added));
  co_return published;
}

// Acquires a reference to each blob and writes it; on an error no reference is left.
Task<Result<void>> Library::PutBlobs(const std::vector<FreshImage>& images) {
  std::vector<StoredImage> put;
  for (const FreshImage& fresh : images) {
    co_await refs_.Acquire(fresh.image.blob, fresh.image.bytes);
    put.push_back(fresh.image);
    const auto digest = co_await parts_.blobs.Put(fresh.bytes);
    if (digest) continue;
    co_await ReleaseBlobs(std::move(put));
    co_return std::unexpected(digest.error());
  }
  co_return Result<void>();
}

Task<Result<EntryPtr>> Library::PublishLocked(Draft draft) {
  Entry& entry = draft.entry;
  const EntryPtr old = parts_.table.Find(entry.fingerprint);
  auto usage = old ? old->shared_usage() : std::make_shared<EntryUsage>();
  std::vector<StoredImage> dropped;
  if (old) {
    entry.id = old->record().id;
    const std::int64_t now = parts_.clock.NowMs();
    for (const StoredImage& image : old->record().images) {
      const bool keep = !draft.replace && !ExpiredAt(image, now);
      (keep ? entry.images : dropped).push_back(image);
    }
  }
  for (const FreshImage& fresh : draft.images) entry.images.push_back(fresh.image);
  while (entry.images.size() > std::max(draft.pool_limit, draft.images.size())) {
    dropped.push_back(entry.images.front());
    entry.images.erase(entry.images.begin());
  }
  Stamp(entry, *usage);
  const auto id = co_await parts_.entries.Put(entry, draft.vector);
  if (!id) co_return std::unexpected(id.error());
  entry.id = *id;
  for (const FreshImage& fresh : draft.images) hot_.Put(fresh.image.blob, "", fresh.bytes);
  const auto shown = std::make_shared<const CachedEntry>(std::move(entry), std::move(usage));
  parts_.table.Put(shown);
  WatchExpiry(shown->record());
  // A replaced entry has the same prompt, hence the same vector, if it could be embedded then.
  if (!shown->usage().indexed && !draft.vector.values.empty()) {
    co_await IndexWhereItFits(shown, std::move(draft.vector));
  }
  if (!shown->usage().indexed) parts_.backlog.Push(shown->record().id);
  co_await ReleaseBlobs(std::move(dropped));
  co_return shown;
}

Task<> Library::ReleaseBlobs(std::vector<StoredImage> images) {
  for (const StoredImage& image : images) {
    hot_.Remove(image.blob);
    co_await refs_.Release(image.blob, parts_.blobs);
  }
}

void Library::Keep(const StoredImage& image, std::string_view form, SharedBytes bytes) {
  hot_.Put(image.blob, form, std::move(bytes));
  if (!parts_.table.FindImage(image.id)) hot_.Remove(image.blob);  // removed meanwhile
}

Task<Result<SharedBytes>> Library::Bytes(StoredImage image) {
  if (SharedBytes hot = hot_.Get(image.blob)) co_return hot;
  auto found = co_await parts_.blobs.Get(image.blob);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) {
    co_return std::unexpected(Gone(image));
  }
  Keep(image, "", **found);
  co_return **found;
}

Task<Result<void>> Library::Check(StoredImage image) {
  if (hot_.Has(image.blob)) co_return Result<void>();
  const auto found = co_await parts_.blobs.Has(image.blob);
  // Not to know is no reason to refuse: whoever follows the link asks again.
  if (!found || *found) co_return Result<void>();
  co_return std::unexpected(Gone(image));
}

Task<> Library::Drop(std::uint64_t entry_id, std::string image_id) {
  const EntryPtr seen = parts_.table.FindById(entry_id);
  if (!seen) co_return;
  const auto lock = co_await LockFor(seen->record().fingerprint);
  const EntryPtr entry = parts_.table.FindById(entry_id);
  if (!lock || !entry) co_return;
  const auto removed =
      co_await RemoveImages(entry, [&](const StoredImage& image) { return image.id == image_id; });
  if (!removed) log::error("image {} stays stored: {}", image_id, removed.error().message);
}

Task<Result<std::size_t>> Library::RemoveImages(EntryPtr entry,
                                                std::function<bool(const StoredImage&)> unwanted) {
  Entry record = entry->record();
  std::vector<StoredImage> dropped;
  std::erase_if(record.images, [&](const StoredImage& image) {
    const bool drop = unwanted(image);
    if (drop) dropped.push_back(image);
    return drop;
  });
  if (dropped.empty()) co_return 0;
  if (record.images.empty()) {
    const auto removed = co_await Remove({entry});
    if (!removed) co_return std::unexpected(removed.error());
    co_return dropped.size();
  }
  Stamp(record, entry->usage());
  // The vector is unchanged; an empty one leaves the stored row as it is.
  const auto put = co_await parts_.entries.Put(record, StoredVector{});
  if (!put) co_return std::unexpected(put.error());
  WatchExpiry(record);
  parts_.table.Put(std::make_shared<const CachedEntry>(std::move(record), entry->shared_usage()));
  const std::size_t count = dropped.size();
  co_await ReleaseBlobs(std::move(dropped));
  co_return count;
}

std::vector<std::vector<EntryPtr>> Library::Batches(const std::vector<std::uint64_t>& ids) const {
  std::vector<std::vector<EntryPtr>> batches;
  std::vector<std::size_t> open(locks_.size(), kNone);
  for (const std::uint64_t id : ids) {
    const EntryPtr entry = parts_.table.FindById(id);
    if (!entry) continue;
    std::size_t& batch = open[LockOf(entry->record().fingerprint)];
    if (batch == kNone || batches[batch].size() == kRemovalBatch) {
      batch = batches.size();
      batches.emplace_back();
    }
    batches[batch].push_back(entry);
  }
  return batches;
}

Task<Result<std::set<std::uint64_t>>> Library::RemoveEntries(
    std::vector<std::uint64_t> ids, std::function<bool(const Entry&)> wanted) {
  std::set<std::uint64_t> removed;
  for (std::vector<EntryPtr>& batch : Batches(ids)) {
    const auto gone = co_await RemoveBatch(std::move(batch), wanted);
    if (!gone) {
      Error error = gone.error();
      error.message = std::to_string(removed.size()) + " of " + std::to_string(ids.size()) +
                      " entries were removed, then: " + error.message;
      co_return std::unexpected(std::move(error));
    }
    removed.insert(gone->begin(), gone->end());
  }
  co_return removed;
}

// The entries share one lock.
Task<Result<std::vector<std::uint64_t>>> Library::RemoveBatch(
    std::vector<EntryPtr> batch, std::function<bool(const Entry&)> wanted) {
  const auto lock = co_await LockFor(batch.front()->record().fingerprint);
  if (!lock) co_return std::unexpected(lock.error());
  std::vector<EntryPtr> entries;
  std::vector<std::uint64_t> ids;
  for (const EntryPtr& seen : batch) {  // which may have been replaced, or be gone
    const EntryPtr entry = parts_.table.FindById(seen->record().id);
    if (!entry || !wanted(entry->record())) continue;
    ids.push_back(entry->record().id);
    entries.push_back(entry);
  }
  const auto removed = co_await Remove(std::move(entries));
  if (!removed) co_return std::unexpected(removed.error());
  co_return ids;
}

Task<Result<void>> Library::Remove(std::vector<EntryPtr> entries) {
  if (entries.empty()) co_return Result<void>();
  co_await RemoveFromIndexes(entries);
  std::vector<std::uint64_t> ids;
  for (const EntryPtr& entry : entries) {
    const Entry& record = entry->record();
    entry->usage().indexed = false;
    parts_.table.Remove(record.id);
    ids.push_back(record.id);
  }
  auto removed = co_await parts_.entries.Remove(std::move(ids));
  for (const EntryPtr& entry : entries) {
    if (removed) {
      parts_.backlog.Done(entry->record().id);
      co_await ReleaseBlobs(entry->record().images);
    } else {
      parts_.table.Put(entry);
      parts_.backlog.Push(entry->record().id);  // back into the index, in time
    }
  }
  co_return removed;
}

// A large index may use the occasion to build its next generation.
Task<> Library::RemoveFromIndexes(std::vector<EntryPtr> entries) {
  const bool quick = std::ranges::all_of(entries, [this](const EntryPtr& entry) {
    return parts_.semantic.AddsQuickly(entry->record().compatibility);
  });
  const auto shared = std::make_shared<const std::vector<EntryPtr>>(std::move(entries));
  const auto work = [this, shared]() -> Result<void> {
    for (const EntryPtr& entry : *shared) {
      parts_.semantic.Remove(entry->record().compatibility, entry->record().id);
    }
    return {};
  };
  if (!quick && co_await parts_.workers.Run(work)) co_return;
  (void)work();  // the workers have too much to do
}

void Library::WatchExpiry(const Entry& record) {
  const std::int64_t first = FirstExpiry(record);
  if (first == 0) return;
  std::lock_guard lock(due_mutex_);
  due_.push({first, record.id});
}

std::set<std::uint64_t> Library::TakeDue(std::int64_t now_ms) {
  std::set<std::uint64_t> entries;
  std::lock_guard lock(due_mutex_);
  for (; !due_.empty() && due_.top().at_ms <= now_ms; due_.pop()) entries.insert(due_.top().entry);
  return entries;
}

// Starts the queue anew from what is stored; what is stored meanwhile adds itself.
Task<> Library::ForgetStaleDues() {
  {
    std::lock_guard lock(due_mutex_);
    if (due_.size() <= kStaleDues + 2 * parts_.table.size()) co_return;
    due_ = {};
  }
  auto work = [this]() -> Result<void> {
    std::vector<Due> dues;
    for (const EntryPtr& entry : parts_.table.All()) {
      if (const std::int64_t first = FirstExpiry(entry->record()); first != 0) {
        dues.push_back({first, entry->record().id});
      }
    }
    std::priority_queue<Due, std::vector<Due>, std::greater<>> rebuilt({}, std::move(dues));
    std::lock_guard lock(due_mutex_);
    for (; !due_.empty(); due_.pop()) rebuilt.push(due_.top());
    due_.swap(rebuilt);
    return {};
  };
  for (auto done = co_await parts_.workers.Run(work); !done;) {
    co_await Sleep(kBusyPause);
    done = co_await parts_.workers.Run(work);
  }
}

Task<Result<std::size_t>> Library::Sweep() {
  co_await ForgetStaleDues();
  const std::int64_t now = parts_.clock.NowMs();
  const std::set<std::uint64_t> due = TakeDue(now);
  std::size_t count = 0;
  for (auto id = due.begin(); id != due.end(); ++id) {
    auto removed = co_await RemoveExpired(*id, now);
    if (removed) {
      count += *removed;
      continue;
    }
    for (; id != due.end(); ++id) {  // another time
      if (const EntryPtr entry = parts_.table.FindById(*id)) WatchExpiry(entry->record());
    }
    co_return removed;
  }
  co_return count;
}

Task<Result<std::size_t>> Library::RemoveExpired(std::uint64_t id, std::int64_t now_ms) {
  const EntryPtr seen = parts_.table.FindById(id);
  if (!seen) co_return 0;
  const auto lock = co_await LockFor(seen->record().fingerprint);
  if (!lock) co_return std::unexpected(lock.error());
  const EntryPtr entry = parts_.table.FindById(id);
  if (!entry) co_return 0;
  co_return co_await RemoveImages(
      entry, [now_ms](const StoredImage& image) { return ExpiredAt(image, now_ms); });
}

void Library::CountUse(EntryPtr entry) {
  EntryUsage& usage = entry->usage();
  usage.hits.fetch_add(1, std::memory_order_relaxed);
  usage.last_used_ms.store(parts_.clock.NowMs(), std::memory_order_relaxed);
  if (usage.unflushed_hits.fetch_add(1, std::memory_order_relaxed) > 0) return;
  std::lock_guard lock(used_mutex_);
  used_.push_back(std::move(entry));
}

Task<Result<void>> Library::FlushUse() {
  std::vector<EntryPtr> used;
  {
    std::lock_guard lock(used_mutex_);
    used.swap(used_);
  }
  std::vector<EntryUse> uses;
  for (const EntryPtr& entry : used) {
    EntryUsage& usage = entry->usage();
    uses.push_back({.entry = entry->record().id,
                    .hits = usage.unflushed_hits.exchange(0, std::memory_order_relaxed),
                    .last_used_ms = usage.last_used_ms.load(std::memory_order_relaxed)});
  }
  if (uses.empty()) co_return Result<void>();
  auto added = co_await parts_.entries.AddUse(uses);
  if (added) co_return added;
  std::lock_guard lock(used_mutex_);
  for (std::size_t i = 0; i < used.size(); ++i) {
    used[i]->usage().unflushed_hits.fetch_add(uses[i].hits, std::memory_order_relaxed);
    used_.push_back(std::move(used[i]));
  }
  co_return added;
}

}  // namespace reprise
