// A request's step through the semantic tier: embeds the prompt, finds the neighbour to serve, and
// writes into the decision why the nearest one was refused. Safe for any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "cache/job.h"
#include "cache/pool.h"
#include "cache/prompt_embedding.h"
#include "cache/semantic_tier.h"
#include "cache/settings.h"
#include "cache/stats.h"
#include "cache/trust.h"

namespace reprise {

// What of an entry's pool this request may be served.
PoolFilter FilterFor(const JobState& state, std::int64_t now_ms);

class SemanticStep {
 public:
  // All of them outlive this object.
  struct Parts {
    SemanticTier& tier;
    PromptEmbedding& embedding;
    CacheStats& stats;
    const Trust& trust;
    const CacheSettings& settings;
    const Clock& clock;
  };
  explicit SemanticStep(Parts parts) : parts_(parts) {}

  // Analyses and embeds once per request; a failure means exact matching only.
  Task<> Embed(std::shared_ptr<Job> job);

  // The neighbour to serve, if there is one. Embeds first, so that what is generated otherwise can
  // be stored with its vector.
  Task<std::optional<SemanticMatch>> Find(JobState& state);

  // The same for a request that has been through Find, without waiting.
  std::optional<SemanticMatch> FindAgain(JobState& state) const;

 private:
  std::string Objection(const JobState& state, const CachedEntry& entry) const;

  const Parts parts_;
};

}  // namespace reprise
