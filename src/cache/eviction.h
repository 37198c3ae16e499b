// Which entries to give up when room is needed: those whose loss costs the least.
//
// GreedyDual-Size-Frequency (L. Cherkasova, "Improving WWW Proxies Performance with
// Greedy-Dual-Size-Frequency Caching Policy", HP Labs HPL-98-69, 1998), which adds the frequency to
// GreedyDual-Size (P. Cao, S. Irani, "Cost-Aware WWW Proxy Caching Algorithms", USITS 1997):
//
//     priority = L + uses x cost / bytes
//
// where L is the level of ageing at the entry's last use. The lowest priority goes first, and L
// rises to it, so that what is not used any more is overtaken by what is, whatever it was worth.
//
// A use of an entry tells nobody: the counts that are kept with it anyway are read when room is
// needed, for all entries in one pass, which selects enough victims for a while. So there is no
// order of entries to be kept in step, and none in memory between passes. A pass over n entries
// that selects k takes O(n log k) time and O(k) memory.
//
// Pure: no input, no output, no clock. Not safe for several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

namespace reprise {

// What is known of an entry.
struct EntryWorth {
  double cost_usd = 0;      // of making its images again
  std::uint64_t bytes = 0;  // that it takes, above 0
  std::uint64_t uses = 1;   // the first request's included
  std::int64_t last_used_ms = 0;
};

// US dollars per byte.
double ValueOf(const EntryWorth& worth);

// L by time: a use counts as much as the passes have seen at that time.
class AgeingLevel {
 public:
  // Between passes L is taken to rise evenly, as it does where every eviction is a pass of its own.
  double At(std::int64_t time_ms) const;
  double now() const { return steps_.empty() ? 0 : steps_.back().level; }

  // A pass at `now_ms` gave up entries of at most this priority. L never falls. A restart begins at
  // 0 again, which costs replays (bench/eviction_bench.cc) at most 0.1 % of the dollars.
  void RaiseTo(double level, std::int64_t now_ms);

 private:
  struct Step {
    std::int64_t from_ms;
    double level;
  };
  void Thin();

  std::vector<Step> steps_;  // in order of time and of level
};

struct EvictionCandidate {
  bool young = false;  // goes only when no other is left
  double priority = 0;
  std::uint64_t entry = 0;
  std::uint64_t bytes = 0;
  bool operator<(const EvictionCandidate& other) const {
    return std::tie(young, priority, entry) < std::tie(other.young, other.priority, other.entry);
  }
};

// The fewest candidates, lowest first, that together have so many bytes and are so many; all of
// them when they do not suffice.
class VictimSelection {
 public:
  VictimSelection(std::uint64_t bytes, std::size_t entries)
      : wanted_bytes_(bytes), wanted_entries_(entries) {}

  void Offer(const EvictionCandidate& candidate);

  // The lowest first; empties the selection.
  std::vector<EvictionCandidate> Take();

 private:
  bool EnoughWithoutHighest() const;

  const std::uint64_t wanted_bytes_;
  const std::size_t wanted_entries_;
  std::uint64_t bytes_ = 0;
  std::vector<EvictionCandidate> heap_;  // the highest on top
};

}  // namespace reprise
