// What the tests of snapshots share: a store whose entries are changed as a gateway would, the
// keeper that writes snapshots of it, and the comparison that matters: what a start loads is what
// the store holds.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cache/cache_testing.h"
#include "cache/snapshot_keeper.h"
#include "store/trust_store.h"

namespace reprise {

class SnapshotNode {
 public:
  static constexpr std::size_t kDimensions = 32;
  static constexpr std::uint64_t kKeepFree = 1000;

  // A snapshot is due after `least_changes`, and not within `pause` of the last one.
  explicit SnapshotNode(std::filesystem::path data, std::string embedder = "e",
                        std::uint64_t least_changes = 0,
                        std::chrono::milliseconds pause = std::chrono::milliseconds(0));
  ~SnapshotNode();

  // Inserts or replaces the entry of that number; several numbers share a partition.
  void Put(int number, bool embedded = true);
  // As an embedder that was away and came back.
  void SetVector(int number);
  void Remove(int number);
  void Use(int number);
  // Writes a snapshot, whether one is due or not.
  void WriteSnapshot();
  void FinishSnapshot(std::chrono::milliseconds patience);
  // As the upkeep does, and waits for what that begins.
  void KickSnapshot();

  // Loads as a start would, into nothing. Expects to find what the store has, no more and no less.
  // `meanwhile` happens once, when the snapshot is open and before the store says what has changed.
  LoadReport LoadAndCompare(std::function<void()> meanwhile = {});
  Result<LoadReport> Load();

  EntryHistory& history() { return *stores_.history; }
  EntryHistory::State State() { return stores_.history->Read().value(); }
  std::filesystem::path File() { return place().FileOf(State().snapshot); }
  SnapshotPlace place() const { return {data_ / "snapshots"}; }
  std::filesystem::path database() const { return data_ / "reprise.db"; }
  SnapshotKeeper& keeper() { return *keeper_; }
  SemanticTier& semantic() { return *semantic_; }
  // What the keeper takes for the disk's free bytes.
  std::atomic<std::uint64_t> free_disk = 1ULL << 40;
  template <class T>
  T Run(Task<T> task) {
    return RunTask(io_.context(), std::move(task));
  }

 private:
  struct Loaded {
    Entry entry;
    StoredVector vector;
    bool indexed = false;
  };
  void Compare(const std::map<std::uint64_t, Loaded>& loaded, const SemanticTier& tier);
  EntryPtr Find(int number) const;

  const std::filesystem::path data_;
  const std::string embedder_;
  IoThreads io_{2};
  WorkerPool workers_{2, 1000};
  const std::unique_ptr<Verifier> verifier_ = MakeLexicalVerifier();
  SqliteStores stores_;
  EntryTable table_;
  std::unique_ptr<SemanticTier> semantic_;
  std::unique_ptr<SnapshotKeeper> keeper_;
};

}  // namespace reprise
