// A request's steps through what is stored: the entry of its own fingerprint, and a neighbour's.
// What turns out to be unreadable on the way is dropped, and the next best is tried. Safe for any
// thread.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "cache/job.h"
#include "cache/library.h"
#include "cache/pool.h"
#include "cache/reply.h"
#include "cache/semantic_step.h"
#include "cache/serving.h"
#include "cache/trust.h"

namespace reprise {

class StoredStep {
 public:
  // All of them outlive this object.
  struct Parts {
    Library& library;
    const EntryTable& table;
    Serving& serving;
    SemanticStep& semantic;
    Trust& trust;
    const Clock& clock;
  };
  explicit StoredStep(Parts parts) : parts_(parts) {}

  // The reply when it takes no waiting: the request's own entry is in memory, bytes and all.
  // Nothing otherwise, and nothing is said of why.
  std::optional<Reply> ExactFromMemory(JobState& state);

  // The reply, with the state's decision, or nothing; then the decision says what was in the way.
  Task<std::optional<Reply>> TryExact(JobState& state);
  Task<std::optional<Reply>> TrySemantic(JobState& state);

  struct Pool {
    EntryPtr entry;  // of the request's own fingerprint; null: none, or nothing of it is usable
    std::vector<const StoredImage*> images;
  };
  // Says in the decision why nothing is usable.
  Pool OwnPool(JobState& state) const;
  // How many images must be made before the request can be answered from its own entry.
  static int Shortfall(const JobState& state, const Pool& pool);

  // What cannot be read is dropped by then, or not tried again by this request.
  Task<Result<Reply>> ServeAll(JobState& state, std::vector<Pick> picks, ImageSize size);

 private:
  Decision ExactHit(const JobState& state, const CachedEntry& entry,
                    const std::vector<Pick>& picks) const;
  // The state's decision becomes `hit`.
  Reply Served(JobState& state, EntryPtr entry, Reply reply, Decision hit);
  // The state's decision becomes `hit` only when the bytes could be had.
  Task<std::optional<Reply>> ServeHit(JobState& state, EntryPtr entry, std::vector<Pick> picks,
                                      ImageSize size, Decision hit);

  const Parts parts_;
};

}  // namespace reprise
