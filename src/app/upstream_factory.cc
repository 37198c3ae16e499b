#include "app/upstream_factory.h"

#include <algorithm>

#include "upstream/routed_generator.h"

namespace reprise {
namespace {

const UpstreamConfig* Find(const Config& config, std::string_view name) {
  const auto found = std::ranges::find(config.upstreams, name, &UpstreamConfig::name);
  return found == config.upstreams.end() ? nullptr : &*found;
}

bool RoutesTo(const RouteTable& routes, std::string_view upstream) {
  return std::ranges::any_of(routes, [&](const auto& route) {
    return std::ranges::find(route.second, upstream, &RouteTarget::upstream) != route.second.end();
  });
}

// The section `upstream`, in the shape of the others.
UpstreamConfig SectionUpstream(const Config& config, const std::string& simulator_url) {
  const bool simulated = config.upstream_url.empty();
  UpstreamConfig section;
  section.name = simulated ? kSimulatorUpstream : kSectionUpstream;
  section.url = simulated ? simulator_url : config.upstream_url;
  section.api_key = simulated ? "" : config.upstream_key;
  section.timeout = config.cache.request_timeout;
  section.attempts = config.upstream_attempts;
  section.concurrency = config.upstream_concurrency;
  section.queue = config.upstream_queue;
  section.hedge_after = config.upstream_hedge_after;
  section.breaker_failures = config.upstream_breaker_failures;
  section.breaker_pause = config.upstream_breaker_pause;
  return section;
}

UpstreamConfigs AllOf(const Config& config, const std::string& simulator_url) {
  UpstreamConfigs all;
  if (!config.upstream_url.empty() || !simulator_url.empty()) {
    all.push_back(SectionUpstream(config, simulator_url));
  }
  all.insert(all.end(), config.upstreams.begin(), config.upstreams.end());
  return all;
}

UpstreamOptions OptionsOf(const Config& config, const UpstreamConfig& upstream) {
  UpstreamOptions options;
  options.kind = upstream.kind;
  options.name = upstream.name;
  options.base_url = upstream.url;
  options.api_key = upstream.api_key;
  options.request_timeout = upstream.timeout;
  options.poll_interval = upstream.poll_interval;
  options.retry.max_attempts = upstream.attempts;
  options.max_image_bytes = config.cache.image_limits.max_bytes;
  options.private_links = upstream.private_links;
  return options;
}

PriceTable PricesOf(const Config& config, const UpstreamConfig& upstream) {
  PriceTable prices = PricesOf(config);
  if (upstream.default_price_usd) prices.SetDefault(*upstream.default_price_usd);
  for (const auto& [model, rows] : upstream.prices_usd) prices.Set(model, rows);
  return prices;
}

GuardOptions GuardOf(const Config& config, const UpstreamConfig& upstream) {
  GuardOptions guard;
  const bool section = Find(config, upstream.name) == nullptr;
  guard.settings = section ? "upstream" : "upstreams." + upstream.name;
  guard.concurrency = upstream.concurrency;
  guard.queue = upstream.queue;
  // A request has no more time than that, and one upstream of a route must not seem hurried by it.
  guard.timeout = std::min(upstream.timeout, config.cache.request_timeout);
  guard.hedge_after = upstream.hedge_after;
  guard.breaker.failures = upstream.breaker_failures;
  guard.breaker.pause = upstream.breaker_pause;
  guard.breaker.max_pause = std::max(guard.breaker.max_pause, upstream.breaker_pause);
  guard.image_limits = config.cache.image_limits;
  guard.prices = PricesOf(config, upstream);
  return guard;
}

}  // namespace

bool NeedsSimulator(const Config& config) {
  if (!config.upstream_url.empty()) return false;
  if (config.upstreams.empty()) return true;
  return !Find(config, kSimulatorUpstream) && RoutesTo(config.routes, kSimulatorUpstream);
}

std::vector<UpstreamOptions> UpstreamsOf(const Config& config, const std::string& simulator_url) {
  std::vector<UpstreamOptions> all;
  for (const UpstreamConfig& upstream : AllOf(config, simulator_url)) {
    all.push_back(OptionsOf(config, upstream));
  }
  return all;
}

RouteTable RoutesOf(const Config& config) {
  RouteTable routes = config.routes;
  if (routes.contains(kAnyModel)) return routes;
  std::string rest;
  if (!config.upstream_url.empty()) {
    rest = kSectionUpstream;
  } else if (config.upstreams.empty()) {
    rest = kSimulatorUpstream;
  } else if (config.upstreams.size() == 1) {
    rest = config.upstreams.front().name;
  }
  if (!rest.empty()) routes[kAnyModel] = {RouteTarget{.upstream = rest, .model = ""}};
  return routes;
}

Result<std::unique_ptr<ImageGenerator>> MakeUpstreams(const Config& config,
                                                      const std::string& simulator_url,
                                                      UpstreamParts parts, GuardParts guard) {
  std::vector<RoutedGenerator::Upstream> upstreams;
  for (const UpstreamConfig& upstream : AllOf(config, simulator_url)) {
    auto made = MakeUpstream(OptionsOf(config, upstream), parts);
    if (!made) return std::unexpected(made.error());
    GuardOptions options = GuardOf(config, upstream);
    PriceTable prices = options.prices;
    upstreams.push_back(
        {std::make_unique<GuardedGenerator>(std::move(*made), std::move(options), guard),
         std::move(prices)});
  }
  auto routed = RoutedGenerator::Create(std::move(upstreams), RoutesOf(config), guard.clock);
  if (!routed) return std::unexpected(routed.error());
  return std::move(*routed);
}

PriceTable PricesOf(const Config& config) {
  PriceTable prices = PriceTable::Builtin();
  prices.SetDefault(config.default_price_usd);
  for (const auto& [model, rows] : config.prices_usd) prices.Set(model, rows);
  return prices;
}

}  // namespace reprise
