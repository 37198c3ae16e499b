// What the cache says of itself in statistics: its counters, and what its parts hold and do. Safe
// for any thread.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>

#include "cache/entry_table.h"
#include "cache/evictor.h"
#include "cache/leak_removal.h"
#include "cache/library.h"
#include "cache/prompt_embedding.h"
#include "cache/reembedding.h"
#include "cache/semantic_tier.h"
#include "cache/stats.h"
#include "cache/trust.h"
#include "store/sync_mode.h"
#include "upstream/budget.h"
#include "upstream/image_generator.h"

namespace reprise {

class CacheReport {
 public:
  // All of them outlive this object.
  struct Parts {
    const CacheStats& stats;
    const TenantStats& tenants;
    const EntryTable& table;
    const SemanticTier& semantic;
    const Library& library;
    const Evictor& evictor;
    const LeakRemoval& leaks;
    const PromptEmbedding& embedding;
    const Reembedding& reembedding;
    const Trust& trust;
    const ImageGenerator& upstream;
    const Budget* budget = nullptr;  // null: none
    SyncErrors sync_errors;          // null: not counted
    std::string embedder;            // its identity
  };
  explicit CacheReport(Parts parts) : parts_(std::move(parts)) {}

  // What the parts do not count.
  struct UnderWay {
    std::size_t generations = 0;
    std::size_t waiting = 0;  // requests, for a flight to land
    bool indexing = false;
  };
  nlohmann::json All(const UnderWay& under_way) const;

  // What concerns one tenant.
  nlohmann::json Of(const std::string& tenant) const;

 private:
  void AddStorage(nlohmann::json& stats) const;
  void AddUpstreams(nlohmann::json& stats) const;

  const Parts parts_;
};

}  // namespace reprise
