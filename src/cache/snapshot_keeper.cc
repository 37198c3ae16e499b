#include "cache/snapshot_keeper.h"

#include <openssl/rand.h>

#include "base/bytes.h"
#include "base/log.h"

namespace reprise {
namespace {

// Read and written in one go: some 10 ms of a worker, during which images wait for it.
constexpr std::uint64_t kPartEntries = 2000;
// About what a snapshot has of an entry beside its vector.
constexpr std::uint64_t kRecordBytes = 512;
// Changes that one transaction forgets.
constexpr std::uint64_t kPruneBatch = 2000;
constexpr std::chrono::milliseconds kSnapshotPause{50};
constexpr std::chrono::milliseconds kPoll{10};

// No name is given twice, so that a store never takes another's file for its own.
std::string RandomName() {
  unsigned char random[16];
  if (RAND_bytes(random, sizeof random) != 1) return "";
  return HexEncode({reinterpret_cast<const char*>(random), sizeof random});
}

Error GivenUp() {
  return {.code = Code::kUnavailable, .message = "the process ends"};
}

}  // namespace

Result<void> SnapshotKeeper::Load(const LoadTarget& target) {
  const auto start = std::chrono::steady_clock::now();
  const auto report = LoadEntries({.history = parts_.history,
                                   .place = parts_.settings.place,
                                   .embedder = parts_.embedder,
                                   .semantic = parts_.semantic},
                                  target);
  if (!report) return std::unexpected(report.error());
  usable_ = report->from_snapshot;
  if (usable_) unsettled_ = parts_.semantic.unsettled_vectors();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const std::string source =
      report->from_snapshot
          ? "from a snapshot and " + std::to_string(report->replayed) + " that have changed since"
          : "from the store";
  if (report->entries > 0) {
    log::info("{} entries read in {:.2f} s, {}", report->entries, took.count(), source);
  }
  const auto state = parts_.history.Read();
  if (state) RemoveOthers(state->snapshot);
  return {};
}

void SnapshotKeeper::Kick() {
  if (stopped_ || parts_.settings.place.directory.empty()) return;
  const bool completed = GraphsCompleted();
  {
    std::lock_guard lock(mutex_);
    const bool pausing = std::chrono::steady_clock::now() < next_;
    if (pausing && (failed_ || !completed)) return;
  }
  if (!Begin()) return;
  ++tasks_;
  Spawn(Strand(parts_.context), Run(false), [this](std::exception_ptr) {
    End();
    --tasks_;  // the last use of this object
  });
}

bool SnapshotKeeper::Begin() {
  std::lock_guard lock(mutex_);
  return !std::exchange(running_, true);
}

void SnapshotKeeper::End() {
  std::lock_guard lock(mutex_);
  running_ = false;
}

Task<> SnapshotKeeper::Finish(std::chrono::milliseconds patience) {
  if (parts_.settings.place.directory.empty()) co_return;
  ++tasks_;
  Spawn(Strand(parts_.context), Run(true), [this](std::exception_ptr) { --tasks_; });
  const Deadline deadline = After(patience);
  while (under_way() > 0) {
    if (std::chrono::steady_clock::now() >= deadline) given_up_ = true;
    co_await Sleep(kPoll);
  }
}

Task<> SnapshotKeeper::Run(bool at_end) {
  while (at_end && !Begin()) co_await Sleep(kPoll);
  auto read = [this] { return parts_.history.Read(); };
  const auto state = co_await OnWorker(std::move(read));
  Result<void> done;
  if (!state) {
    done = std::unexpected(state.error());
  } else if (Due(*state)) {
    done = co_await Write(*state);
    std::lock_guard lock(mutex_);
    next_ = std::chrono::steady_clock::now() + parts_.settings.pause;
    failed_ = !done;
  }
  if (!done) log::warn("no snapshot was written: {}", done.error().message);
  if (at_end) End();
}

bool SnapshotKeeper::Due(const EntryHistory::State& state) const {
  // Without one all changes ever noted count: they go only when one is written, also where few
  // entries are stored but many come and go.
  if (!usable_) {
    return std::max<std::uint64_t>(parts_.table.size(), state.changed) >=
           parts_.settings.least_changes;
  }
  return Enough(state.changed) || GraphsCompleted();
}

bool SnapshotKeeper::GraphsCompleted() const {
  return Enough(unsettled_) && parts_.semantic.unsettled() == 0;
}

bool SnapshotKeeper::Enough(std::uint64_t changes) const {
  return changes >= parts_.settings.least_changes &&
         static_cast<double>(changes) >=
             parts_.settings.least_share * static_cast<double>(parts_.table.size());
}

Result<void> SnapshotKeeper::CheckRoom() const {
  if (!parts_.free_disk) return {};
  const auto free = parts_.free_disk();
  if (!free) return std::unexpected(free.error());
  const std::uint64_t takes = parts_.semantic.memory_bytes() + kRecordBytes * parts_.table.size();
  if (*free >= takes + parts_.keep_free) return {};
  return Fail(Code::kUnavailable,
              "it takes some " + std::to_string(takes >> 20) + " MB, the disk has " +
                  std::to_string(*free >> 20) + " MB free, of which " +
                  std::to_string(parts_.keep_free >> 20) +
                  " MB are kept (setting cache.min_free_disk); free some, or the next start reads "
                  "every row of the store");
}

Task<Result<void>> SnapshotKeeper::Write(EntryHistory::State state) {
  const auto start = std::chrono::steady_clock::now();
  if (auto room = CheckRoom(); !room) co_return room;
  const std::string name = RandomName();
  if (name.empty()) co_return Fail(Code::kInternal, "there are no random numbers");
  auto create = [this, name]() -> Result<SnapshotWriter> {
    const SnapshotPlace& place = parts_.settings.place;
    if (auto made = MakeDirectory(place.directory); !made) return std::unexpected(made.error());
    const auto dimensions = static_cast<std::uint32_t>(parts_.semantic.dimensions());
    return SnapshotWriter::Create(place.FileOf(name), {name, parts_.embedder, dimensions});
  };
  auto writer = co_await OnWorker(std::move(create));
  if (!writer) co_return std::unexpected(writer.error());
  auto done = co_await WriteParts(*writer);
  const std::uint64_t unsettled = parts_.semantic.unsettled_vectors();
  if (done) done = co_await WriteIndexes(*writer);
  if (done) done = co_await parts_.history.SetSnapshot(name, state.last);
  if (!done) {
    // Nobody knows what a failed commit has left: the file stays if it may be the present one.
    const auto now = parts_.history.Read();
    if (now) RemoveOthers(now->snapshot);
    co_return done;
  }
  usable_ = true;
  unsettled_ = unsettled;
  RemoveOthers(name);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  log::info("a snapshot of {} entries is written: {} MB in {:.1f} s", writer->entries(),
            writer->bytes() >> 20, took.count());
  co_return co_await Prune();
}

Task<Result<void>> SnapshotKeeper::WriteParts(SnapshotWriter& writer) {
  std::uint64_t next = 0;
  for (bool more = true; more;) {
    if (given_up_) co_return std::unexpected(GivenUp());
    auto part = [this, &writer, &next]() -> Result<bool> {
      std::uint64_t count = 0;
      auto read = parts_.history.ForEachIn(
          {.first = next, .most = kPartEntries}, [&](Entry&& entry, StoredVector&& vector) {
            const bool embedded = vector.embedder == parts_.embedder;
            writer.Add(entry, embedded && !vector.values.empty());
            next = entry.id + 1;
            ++count;
          });
      if (read) read = writer.EndPart();
      if (!read) return std::unexpected(read.error());
      return count == kPartEntries;
    };
    const auto written = co_await OnWorker(std::move(part));
    if (!written) co_return std::unexpected(written.error());
    more = *written;
  }
  co_return Result<void>();
}

// An index that is made from now on holds only what is replayed.
Task<Result<void>> SnapshotKeeper::WriteIndexes(SnapshotWriter& writer) {
  for (const auto& [partition, index] : parts_.semantic.Indexes()) {
    if (given_up_) co_return std::unexpected(GivenUp());
    auto save = [&writer, partition, index]() -> Result<void> {
      return writer.AddBlob(std::string(partition.View()), [&](const SnapshotWriter::Sink& sink) {
        return index->Save([&](std::span<const std::byte> bytes) {
          return sink({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        });
      });
    };
    if (auto saved = co_await OnWorker(std::move(save)); !saved) co_return saved;
  }
  auto finish = [this, &writer]() -> Result<void> {
    if (auto finished = writer.Finish(); !finished) return finished;
    return SyncDirectory(parts_.settings.place.directory);
  };
  co_return co_await OnWorker(std::move(finish));
}

Task<Result<void>> SnapshotKeeper::Prune() {
  for (;;) {
    const auto pruned = co_await parts_.history.Prune(kPruneBatch);
    if (!pruned) co_return std::unexpected(pruned.error());
    if (*pruned < kPruneBatch || given_up_) co_return Result<void>();
  }
}

// Requests first: a busy pool is asked again.
template <class Work>
Task<std::invoke_result_t<Work>> SnapshotKeeper::OnWorker(Work work) {
  for (;;) {
    auto done = co_await parts_.workers.Run(work);
    if (done || done.error().code != Code::kOverloaded || given_up_) co_return done;
    co_await Sleep(kSnapshotPause);
  }
}

// Snapshots that the store does not name are of no use.
void SnapshotKeeper::RemoveOthers(const std::string& name) const {
  std::error_code error;
  for (const auto& file :
       std::filesystem::directory_iterator(parts_.settings.place.directory, error)) {
    if (file.path().extension() != ".snapshot" || file.path().stem() == name) continue;
    std::filesystem::remove(file.path(), error);
  }
}

}  // namespace reprise
