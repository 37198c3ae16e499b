#include "cache/snapshot_loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <span>

#include "base/log.h"
#include "base/parallel.h"
#include "cache/snapshot_indexes.h"
#include "store/snapshot_file.h"

namespace reprise {
namespace {

// The ids are cut into so many ranges: enough that threads end at about the same time.
constexpr std::uint64_t kRanges = 64;
// Entries that one query replays.
constexpr std::size_t kReplayBatch = 4096;
constexpr std::chrono::seconds kProgressEvery{2};

using Steady = std::chrono::steady_clock;
using Ids = std::vector<std::uint64_t>;

// Says how far a long reading is, now and then. Safe for any thread.
class Progress {
 public:
  explicit Progress(std::uint64_t total) : total_(total) {}

  void Add() {
    const std::uint64_t done = ++done_;
    if (done % 1024 != 0) return;
    std::lock_guard lock(mutex_);
    if (Steady::now() - said_ < kProgressEvery) return;
    said_ = Steady::now();
    log::info("reading the store: {} of {} entries", done, total_);
  }
  std::uint64_t done() const { return done_; }

 private:
  const std::uint64_t total_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
  Steady::time_point said_ = Steady::now();
};

Result<LoadReport> ReadStore(const EntryHistory& history, const EntryHistory::State& state,
                             const LoadTarget& target) {
  const auto total = history.CountUnchanged(state.last);
  if (!total) return std::unexpected(total.error());
  if (*total == 0) return LoadReport{};
  target.expect(*total);
  Progress progress(*total);
  const std::uint64_t step = (state.last_entry - state.first_entry) / kRanges + 1;
  const auto read = ParallelFor(kRanges, [&](std::size_t i) -> Result<void> {
    const std::uint64_t first = state.first_entry + i * step;
    if (first > state.last_entry) return {};
    const EntryHistory::Range range{.first = first, .last = first + step - 1};
    return history.ForEachIn(range, [&](Entry&& entry, StoredVector&& vector) {
      target.visit(CachedEntry::FromStore(std::move(entry)), std::move(vector));
      progress.Add();
    });
  });
  if (!read) return std::unexpected(read.error());
  return LoadReport{.entries = progress.done()};
}

bool Contains(const Ids& ids, std::uint64_t id) {
  return std::ranges::binary_search(ids, id);
}

// A snapshot every byte of which has been looked at, and what has changed since.
struct Checked {
  SnapshotFile file;
  SnapshotIndexes indexes;
  Ids changed;  // in order
  // Entries that have not changed since, by part; `indexed`, as far as the snapshot knows.
  std::vector<std::vector<EntryPtr>> parts;
};

Result<void> CheckTitle(const SnapshotTitle& title, const std::string& name,
                        const LoadRequest& request) {
  if (title.name != name) {
    return Fail(Code::kCorrupt, "it is snapshot " + title.name + ", the store names " + name);
  }
  if (title.embedder != request.embedder) {
    return Fail(Code::kCorrupt, "its vectors are of " + title.embedder +
                                    ", the present embedder is " + request.embedder);
  }
  const std::size_t dimensions = request.semantic.dimensions();
  if (dimensions != 0 && title.dimensions != dimensions) {
    return Fail(Code::kCorrupt, "its vectors have " + std::to_string(title.dimensions) +
                                    " dimensions, those of the present embedder " +
                                    std::to_string(dimensions));
  }
  return {};
}

// Reads everything. Indexes are large, and begun first.
Result<void> ReadAll(Checked& snapshot) {
  const std::size_t blobs = snapshot.file.blobs();
  snapshot.parts.resize(snapshot.file.parts());
  return ParallelFor(blobs + snapshot.parts.size(), [&](std::size_t i) -> Result<void> {
    if (i < blobs) return snapshot.indexes.Read(snapshot.file, i);
    std::vector<EntryPtr>& part = snapshot.parts[i - blobs];
    return snapshot.file.ReadPart(i - blobs, [&](Entry& record, bool embedded) {
      if (Contains(snapshot.changed, record.id)) return;
      part.push_back(CachedEntry::FromStore(std::move(record)));
      part.back()->usage().indexed = embedded;
    });
  });
}

Result<Checked> Check(const LoadRequest& request, const EntryHistory::State& state) {
  auto file = SnapshotFile::Open(request.place.FileOf(state.snapshot));
  if (!file) return std::unexpected(file.error());
  if (auto ours = CheckTitle(file->title(), state.snapshot, request); !ours) {
    return std::unexpected(ours.error());
  }
  auto changed = request.history.ChangedSince(state.seq);
  if (!changed) return std::unexpected(changed.error());
  const std::size_t blobs = file->blobs();
  Checked snapshot{std::move(*file), SnapshotIndexes(blobs), std::move(*changed), {}};
  if (auto read = ReadAll(snapshot); !read) return std::unexpected(read.error());
  std::size_t unchanged = 0;
  for (const auto& part : snapshot.parts) unchanged += part.size();
  const auto expected = request.history.CountUnchanged(state.seq);
  if (!expected) return std::unexpected(expected.error());
  if (unchanged == *expected) return snapshot;
  return Fail(Code::kCorrupt, "it has " + std::to_string(unchanged) +
                                  " entries that have not changed since, the store " +
                                  std::to_string(*expected));
}

// Takes a checked snapshot into memory, and what has changed since.
class Replay {
 public:
  Replay(const LoadRequest& request, Checked& snapshot, const LoadTarget& target)
      : request_(request), snapshot_(snapshot), target_(target), rest_(snapshot.changed) {}

  Result<LoadReport> Run() {
    target_.expect(snapshot_.file.entries() + rest_.size());
    snapshot_.indexes.HandOver(request_.semantic, snapshot_.file.title().dimensions);
    if (auto read = VisitParts(); !read) return std::unexpected(read.error());
    if (auto read = VisitRest(); !read) return std::unexpected(read.error());
    snapshot_.indexes.RemoveOthers();
    return LoadReport{
        .from_snapshot = true, .entries = from_parts_ + from_store_, .replayed = from_store_};
  }

 private:
  Result<void> VisitParts() {
    return ParallelFor(snapshot_.parts.size(), [this](std::size_t part) -> Result<void> {
      for (EntryPtr& entry : snapshot_.parts[part]) VisitPast(std::move(entry));
      return {};
    });
  }

  void VisitPast(EntryPtr entry) {
    const bool embedded = entry->usage().indexed;
    if (embedded && !snapshot_.indexes.Take(entry->record())) {
      // Its vector came to the index after that was saved.
      std::lock_guard lock(mutex_);
      rest_.push_back(entry->record().id);
      return;
    }
    ++from_parts_;
    target_.visit(std::move(entry), StoredVector{});
  }

  Result<void> VisitRest() {
    const std::size_t batches = (rest_.size() + kReplayBatch - 1) / kReplayBatch;
    return ParallelFor(batches, [this](std::size_t i) {
      const std::size_t begin = i * kReplayBatch;
      const std::span<const std::uint64_t> batch =
          std::span(rest_).subspan(begin, std::min(kReplayBatch, rest_.size() - begin));
      return request_.history.ForEachOf(
          Ids(batch.begin(), batch.end()), [this](Entry&& record, StoredVector&& vector) {
            const bool embedded = !vector.values.empty() && vector.embedder == request_.embedder;
            EntryPtr entry = CachedEntry::FromStore(std::move(record));
            entry->usage().indexed = embedded && snapshot_.indexes.Take(entry->record());
            ++from_store_;
            target_.visit(std::move(entry), std::move(vector));
          });
    });
  }

  const LoadRequest& request_;
  Checked& snapshot_;
  const LoadTarget& target_;
  std::mutex mutex_;
  Ids rest_;  // to be read from the store
  std::atomic<std::uint64_t> from_parts_ = 0, from_store_ = 0;
};

}  // namespace

Result<LoadReport> LoadEntries(const LoadRequest& request, const LoadTarget& target) {
  for (;;) {
    const auto state = request.history.Read();
    if (!state) return std::unexpected(state.error());
    if (state->snapshot.empty()) return ReadStore(request.history, *state, target);
    auto checked = Check(request, *state);
    const auto now = request.history.Read();
    if (!now) return std::unexpected(now.error());
    // Another one has come meanwhile: the changes that it has may have been forgotten.
    if (now->snapshot != state->snapshot) continue;
    if (checked) return Replay(request, *checked, target).Run();
    log::warn("the snapshot is not used, every entry is read from the store: {}",
              checked.error().message);
    return ReadStore(request.history, *state, target);
  }
}

}  // namespace reprise
