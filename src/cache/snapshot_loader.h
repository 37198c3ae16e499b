// Reads what is stored at start-up: from the present snapshot and what has changed since, or, when
// there is any doubt about that, every row of the store, which alone is the truth.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "cache/semantic_tier.h"
#include "store/entry_history.h"

namespace reprise {

struct SnapshotPlace {
  std::filesystem::path directory;
  std::filesystem::path FileOf(const std::string& name) const {
    return directory / (name + ".snapshot");
  }
};

struct LoadReport {
  bool from_snapshot = false;
  std::uint64_t entries = 0;   // that were visited
  std::uint64_t replayed = 0;  // of those, read from the store after the snapshot
};

// What is loaded, from where, to where: the references live until LoadEntries returns.
struct LoadRequest {
  const EntryHistory& history;
  const SnapshotPlace& place;
  const std::string& embedder;  // the present one
  SemanticTier& semantic;       // still empty
};

// An entry with the vector that the store has, if it has one. Those that are `indexed` have theirs
// in the semantic tier already, and it may be left out.
using LoadVisit = std::function<void(EntryPtr, StoredVector&&)>;

struct LoadTarget {
  std::function<void(std::uint64_t entries)> expect;  // called first: about so many will come
  LoadVisit visit;
};

// Visits every stored entry once, from several threads at once and in no order. Indexes come from
// the snapshot; what else has a vector is for the visitor to index. Logs what it does: a warning
// with the reason when there is a snapshot that is not used, and progress while reading the store
// takes long.
Result<LoadReport> LoadEntries(const LoadRequest& request, const LoadTarget& target);

}  // namespace reprise
