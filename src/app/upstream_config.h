// The sections `upstreams` and `routes` of the configuration. docs/routes.md explains them.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "upstream/price.h"
#include "upstream/route_table.h"
#include "upstream/upstream.h"

namespace reprise {

// One image API, and what stands around it.
struct UpstreamConfig {
  std::string name;
  UpstreamKind kind = UpstreamKind::kOpenAi;
  std::string url;  // empty: the service's own
  std::string api_key;
  std::chrono::milliseconds timeout{120'000};  // of a request: waiting, calls and retries
  int attempts = 3;
  std::size_t concurrency = 32;
  std::size_t queue = 2000;
  std::chrono::milliseconds hedge_after{0};  // 0: no second call
  std::chrono::milliseconds poll_interval{500};
  bool private_links = false;
  int breaker_failures = 5;
  std::chrono::milliseconds breaker_pause{5'000};
  ModelPrices prices_usd;                   // per image; over upstream.prices
  std::optional<double> default_price_usd;  // of models without one; else upstream.default_price
  bool operator==(const UpstreamConfig&) const = default;
};

// In the order of the file.
using UpstreamConfigs = std::vector<UpstreamConfig>;

}  // namespace reprise
