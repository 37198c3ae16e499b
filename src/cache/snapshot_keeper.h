// Writes a snapshot of all entries now and then, in the background, so that the next start need not
// read every row of the store. Safe for any thread.
//
// A snapshot may be older than the store, and its parts of different moments: the number of the
// last change is read first, then the rows, then the indexes. Whatever changes after that is
// replayed at the start. Order: file written and synced under its own name, then the store names
// it, then what it replaces is removed. A crash before the naming leaves the old snapshot in force.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/async_value.h"
#include "base/worker_pool.h"
#include "cache/entry_table.h"
#include "cache/snapshot_loader.h"
#include "store/entry_history.h"
#include "store/snapshot_file.h"

namespace reprise {

struct SnapshotSettings {
  SnapshotPlace place;  // an empty directory: no snapshots are written
  // One is due when so many entries have changed since the last, and such a share of all; or when
  // so many vectors came into a graph that the last has without.
  std::uint64_t least_changes = 10'000;
  double least_share = 0.1;
  // But not sooner after the last one: uses are changes, too. Graphs that have been completed since
  // do not wait: a start without them has minutes of work to do again.
  std::chrono::milliseconds pause = std::chrono::minutes(5);
};

class SnapshotKeeper {
 public:
  // All of them outlive this object, and this object its tasks (see under_way).
  struct Parts {
    EntryHistory& history;
    const EntryTable& table;
    SemanticTier& semantic;
    WorkerPool& workers;
    asio::io_context& context;
    std::string embedder;
    SnapshotSettings settings;
    std::function<Result<std::uint64_t>()> free_disk;  // bytes; none: there is always room
    std::uint64_t keep_free = 0;                       // bytes that are for others
  };
  explicit SnapshotKeeper(Parts parts) : parts_(std::move(parts)) {}

  // See LoadEntries. Once, at start-up; removes files that are no present snapshot.
  Result<void> Load(const LoadTarget& target);

  // Begins to write a snapshot in the background, if one is due and none is being written.
  void Kick();

  // At the end of the process, when nothing changes any more: writes one if it is due, and gives it
  // up after `patience`.
  Task<> Finish(std::chrono::milliseconds patience);

  // From now on Kick does nothing.
  void Stop() { stopped_ = true; }

  // Tasks that have not ended.
  std::size_t under_way() const { return tasks_.load(); }

 private:
  bool Begin();
  void End();
  Task<> Run(bool at_end);
  bool Due(const EntryHistory::State& state) const;
  // Since the last one, by so much that a start would take long to do it once more.
  bool GraphsCompleted() const;
  bool Enough(std::uint64_t changes) const;
  Result<void> CheckRoom() const;
  Task<Result<void>> Write(EntryHistory::State state);
  Task<Result<void>> WriteParts(SnapshotWriter& writer);
  Task<Result<void>> WriteIndexes(SnapshotWriter& writer);
  Task<Result<void>> Prune();
  template <class Work>
  Task<std::invoke_result_t<Work>> OnWorker(Work work);
  void RemoveOthers(const std::string& name) const;

  const Parts parts_;
  std::atomic<bool> stopped_ = false, given_up_ = false;
  std::atomic<bool> usable_ = false;  // the store names a snapshot that could be read
  std::atomic<std::size_t> tasks_ = 0;
  std::atomic<std::uint64_t> unsettled_ = 0;  // vectors of it that were in no graph
  std::mutex mutex_;
  bool running_ = false;
  std::chrono::steady_clock::time_point next_{};
  bool failed_ = false;  // the last one
};

}  // namespace reprise
