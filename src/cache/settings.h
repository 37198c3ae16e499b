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

// What a tenant adds to the operator's settings; only stricter values count.
struct TenantSettings {
  std::optional<MatchMode> match_mode;
  std::optional<double> similarity_threshold;
  bool exact_only = false;
  bool operator==(const TenantSettings&) const = default;
};

struct CacheSettings {
  bool semantic = true;
  double similarity_threshold = 0.85;
  MatchMode match_mode = MatchMode::kSafe;
  Calibration calibration;                        // of similarity, for the configured embedder
  std::size_t candidates = 10;  // nearest neighbours that are verified
  // How long a request waits for its prompt's vector; after that, exact matching only.
  std::chrono::milliseconds embedding_timeout{2000};
  bool exact_resolution = false;                  // resolution_policy: exact
  std::int64_t ttl_ms = 30LL * 24 * 3600 * 1000;  // 0: for ever
  int variants = 1;
  std::map<std::string, TenantSettings> tenants;  // by name; others have none of their own
  std::size_t hot_bytes = 256u << 20;
  std::size_t upstream_concurrency = 32;
  std::size_t upstream_queue = 2000;
  // How long a request may wait for its image, queueing and retries included.
  std::chrono::milliseconds request_timeout{180'000};
  ImageLimits image_limits;
};

}  // namespace reprise
