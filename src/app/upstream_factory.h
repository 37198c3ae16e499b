// Builds the configured upstreams, each with its queue, breaker and prices, and the routes to them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "upstream/guarded_generator.h"
#include "upstream/price.h"
#include "upstream/upstream.h"

namespace reprise {

// Whether images come from the built-in simulator: no upstream is configured, or a route asks for
// it.
bool NeedsSimulator(const Config& config);

// Every upstream of the configuration, that of the section `upstream` first. `simulator_url`: where
// the built-in one serves; empty: it does not.
std::vector<UpstreamOptions> UpstreamsOf(const Config& config, const std::string& simulator_url);

// The configured routes, and where every other model goes: to the section's upstream, else to the
// only one of `upstreams`.
RouteTable RoutesOf(const Config& config);

// All of them as one. kInvalidArgument names the upstream that cannot be.
Result<std::unique_ptr<ImageGenerator>> MakeUpstreams(const Config& config,
                                                      const std::string& simulator_url,
                                                      UpstreamParts parts, GuardParts guard);

// The built-in prices with the configured ones on top.
PriceTable PricesOf(const Config& config);

}  // namespace reprise
