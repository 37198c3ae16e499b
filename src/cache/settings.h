// What the operator decides about the cache. Callers may be stricter, never looser.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "image/image.h"
#include "prompt/calibration.h"
#include "prompt/verifier.h"

namespace reprise {

// What a tenant adds to the operator's settings; only stricter values count, but for the budget.
struct TenantSettings {
  std::optional<MatchMode> match_mode;
  std::optional<double> similarity_threshold;
  bool exact_only = false;
  std::optional<double> budget_usd;  // a day for images, instead of everybody's; 0: no bound
  bool operator==(const TenantSettings&) const = default;
};

// Which semantic hits are checked behind the caller's back, and for how much.
struct AuditSettings {
  double share = 0;          // of semantic hits that are also generated, 0 to 1
  double budget_usd = 1;     // a day (UTC) for all that audits cost
  double judge_usd = 0.002;  // a call of the judge
};

// How much is stored. See Evictor for what happens at each of them.
struct StorageLimits {
  std::uint64_t max_bytes = 10ULL << 30;     // of images and their entries; 0: no bound
  std::uint64_t max_entries = 0;             // 0: no bound
  std::uint64_t min_free_disk = 1ULL << 30;  // bytes left to others; 0: none
};

struct CacheSettings {
  bool semantic = true;
  double similarity_threshold = 0.85;
  MatchMode match_mode = MatchMode::kSafe;
  Calibration calibration;  // of similarity, for the configured embedder
  // How long a request waits for its prompt's vector; after that, exact matching only.
  std::chrono::milliseconds embedding_timeout{2000};
  double max_error = 0;  // share of rephrased requests that may get a wrong image; 0: no bound
  AuditSettings audit;
  std::size_t candidates = 10;                     // nearest neighbours that are verified
  bool exact_resolution = false;                   // resolution_policy: exact
  std::int64_t ttl_ms = 30LL * 24 * 3600 * 1000;   // 0: for ever
  std::map<std::string, std::int64_t> tag_ttl_ms;  // at most so long with that tag; above 0
  int variants = 1;
  std::map<std::string, TenantSettings> tenants;  // by name; others have none of their own
  StorageLimits limits;
  std::size_t hot_bytes = 256u << 20;
  // How long a request may wait for its image, queueing and retries included.
  std::chrono::milliseconds request_timeout{180'000};
  ImageLimits image_limits;
};

}  // namespace reprise
