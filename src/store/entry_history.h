// What start-up asks the store beside the entries themselves: which snapshot is the present one,
// and what has changed since. A snapshot is a file that somebody else writes; the store knows its
// name and the number of the last change it surely holds. Whatever changes an entry (its row,
// images, tags or vector, its use, its removal) notes the entry under a new number in the same
// transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "store/entry_store.h"

namespace reprise {

using EntryVisit = std::function<void(Entry&&, StoredVector&&)>;

// Safe for any thread; the methods that are no tasks read on the calling thread, each on a
// connection of its own.
class EntryHistory {
 public:
  struct State {
    std::string snapshot;           // its name; empty: there is none
    std::uint64_t seq = 0;          // what had changed up to this number is in the snapshot
    std::uint64_t last = 0;         // of the last change
    std::uint64_t changed = 0;      // entries that have changed since `seq`
    std::uint64_t first_entry = 0;  // the ids of all entries are from here
    std::uint64_t last_entry = 0;   // to here
    bool operator==(const State&) const = default;
  };
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = std::numeric_limits<std::int64_t>::max();
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  };

  virtual ~EntryHistory() = default;

  virtual Result<State> Read() const = 0;

  // Entries that were put, changed or removed under a number above `seq`, by id.
  virtual Result<std::vector<std::uint64_t>> ChangedSince(std::uint64_t seq) const = 0;
  // How many of the stored entries were not.
  virtual Result<std::uint64_t> CountUnchanged(std::uint64_t seq) const = 0;

  // Visits up to `most` entries with first <= id <= last, in order of id.
  virtual Result<void> ForEachIn(Range range, const EntryVisit& visit) const = 0;
  // Visits those of the entries that are stored, in order of id.
  virtual Result<void> ForEachOf(const std::vector<std::uint64_t>& ids,
                                 const EntryVisit& visit) const = 0;

  // Makes that snapshot the present one: every change up to `seq` is in it, and it is on the disk.
  virtual Task<Result<void>> SetSnapshot(std::string name, std::uint64_t seq) = 0;

  // Forgets up to `most` of the changes that the present snapshot has; gives how many.
  virtual Task<Result<std::uint64_t>> Prune(std::uint64_t most) = 0;
};

}  // namespace reprise
