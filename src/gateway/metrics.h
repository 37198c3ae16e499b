// The gateway's numbers as Prometheus reads them. See docs/monitoring.md.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "gateway/process_facts.h"

namespace reprise {

// What clients hold at the moment.
struct DoorFacts {
  std::uint64_t connections = 0, connections_refused = 0;
  std::uint64_t body_bytes = 0, body_bytes_limit = 0;
};

// `stats` is what ImageCache::Stats gives. No label has more values than the configuration has
// names: tenants are in none.
std::string WriteMetrics(const nlohmann::json& stats, const DoorFacts& doors,
                         const ProcessFacts& process);

}  // namespace reprise
