// Learns from labelled neighbours how often a rephrasing's image is the right one, and decides for
// each candidate whether to serve or to explore so that at most a wished share of answers is wrong
// (see error_bound.h). Safe for any thread: one short lock, about 5 us a decision.
//
// Labels are pooled by partition and prompt class, because an entry of its own would need some
// hundred labels and the tail of prompts never gets them:
//   - An entry without a label that says "different" is judged by its pool. The pool holds the
//     labels of just such entries, drawn by coins that do not depend on the label, so its rate is
//     theirs. Labels "same" of its own can only make the entry better than the pool says.
//   - From its first "different" on an entry stands for itself: the pool's curve is the prior that
//     its own labels correct, and its labels leave the pool alone.
//
// Things change, so a pool forgets: labels older than a number of decisions, and at once everything
// older than the last rise of Page's CUSUM statistic when the newest labels are too often wrong. A
// share of decisions always explores, however good the labels, or no change would be noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "cache/error_bound.h"

namespace reprise {

struct ErrorLearnerOptions {
  double floor = 0.02;                          // least share of decisions that explore
  std::size_t pool_labels = 2048;               // the newest of a pool that count
  std::uint64_t pool_decisions = 20'000;        // a label counts for so many decisions of its pool
  std::size_t own_labels = 64;                  // the newest of an entry
  double spread = 2;                            // between entries of a pool, in logits
  std::size_t pools = 4096, entries = 100'000;  // kept in memory, the longest unused are forgotten
};

// A neighbour that would be served.
struct Candidate {
  std::uint64_t pool = 0;  // partition and prompt class, see PoolOf
  std::uint64_t entry = 0;
  double similarity = 0;
};

struct Choice {
  bool explore = false;
  double chance_bound = 0;  // lower bound of the chance that the neighbour is right
  double probability = 0;   // of exploring
};

// A label, with the decision of its pool that it came from.
struct Label {
  Candidate candidate;
  bool same = false;
  std::uint64_t decision = 0;  // see DecisionsOf; when newly learned, the pool's current one
  // A caller's word rather than a sample: it speaks for its entry only.
  bool reported = false;
};

class ErrorLearner {
 public:
  explicit ErrorLearner(ErrorLearnerOptions options = {}) : options_(options) {}

  // `coin` is uniform in [0, 1): equal coins and labels give equal choices.
  Choice Decide(const Candidate& candidate, double max_error, double coin);

  void Learn(const Label& label);

  std::uint64_t DecisionsOf(std::uint64_t pool) const;

  struct Totals {
    std::uint64_t served = 0, explored = 0;  // decisions since the start
    std::size_t labels = 0, different = 0;   // in memory, pools and entries
    std::size_t pools = 0, changes = 0;      // changes: pools started anew by the CUSUM
  };
  Totals totals() const;

 private:
  struct PoolLabel {
    Observation observation;
    std::uint64_t decision = 0;
  };
  struct Pool {
    std::deque<PoolLabel> labels;  // oldest first
    std::uint64_t decisions = 0;
    double rise = 0;             // CUSUM
    std::size_t since_rise = 0;  // labels since it was last 0
    std::size_t unfitted = 0;    // labels that the fit below does not know yet
    ChanceCurve curve = PriorCurve();
    std::vector<double> similarities;           // sorted
    std::vector<std::size_t> different_before;  // among the first i of them
    std::list<std::uint64_t>::iterator use;

    LabelCount CountUpTo(double similarity) const;
  };
  struct Own {
    std::deque<Observation> labels;
    std::size_t different = 0;
    std::list<std::uint64_t>::iterator use;
  };

  Pool& PoolFor(std::uint64_t id);
  Own& OwnFor(std::uint64_t id);
  double Bound(const Pool& pool, const Candidate& candidate) const;
  bool WatchForChange(Pool& pool, bool same);
  void Forget(Pool& pool);
  static void Refit(Pool& pool);

  const ErrorLearnerOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Pool> pools_;
  std::unordered_map<std::uint64_t, Own> entries_;
  std::list<std::uint64_t> pool_use_, entry_use_;  // longest unused first
  std::uint64_t served_ = 0, explored_ = 0;
  std::size_t changes_ = 0;
};

}  // namespace reprise
