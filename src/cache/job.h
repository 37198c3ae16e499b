// One request on its way through the cache: what generating it needs, and what the tiers have found
// out about it so far.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "cache/decision.h"
#include "cache/exploration.h"
#include "cache/identity.h"
#include "cache/request.h"
#include "embed/embedder.h"

namespace reprise {

struct Job {
  std::shared_ptr<const ImageRequest> request;
  Identity identity;
  Prompt prompt;
  std::optional<Embedding> embedding;  // none: not embedded yet, or embedding failed
  bool embedding_failed = false;
};

// For the request's own task. A flight that goes on after it keeps the job only.
struct JobState {
  std::shared_ptr<Job> job;
  Decision decision;
  MatchMode mode = MatchMode::kSafe;
  int variants = 1;
  std::int64_t begun_ms = 0;  // on the cache's clock
  Deadline deadline;
  std::vector<std::string> unreadable;     // images whose bytes could not be had, for the moment
  std::optional<Exploration> exploration;  // a neighbour was at hand, and is not served
  bool exact_only = false;                 // no other words answer it
  bool own_entry_short = false;  // an entry of this very fingerprint exists but has too few images
  int images_made = 0;           // for it, and paid: no saving
  int failed_flights = 0;        // for other words, that it waited for
  bool alone_in_its_words = false;  // waits for no more of those
};

}  // namespace reprise
