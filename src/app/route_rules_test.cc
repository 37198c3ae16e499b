#include "gateway/route_rules.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "app/service.h"

namespace reprise {
namespace {

using Route = std::pair<std::string, std::string>;

// The routes of a whole gateway, as it serves them.
std::set<Route> RoutesOfAGateway() {
  const auto place =
      std::filesystem::temp_directory_path() / ("reprise-routes-" + std::to_string(::getpid()));
  Config config;
  config.listen = "127.0.0.1:0";
  config.data = place;
  auto service = Service::Start(config);
  EXPECT_TRUE(service) << service.error().message;
  std::set<Route> routes;
  const http::Router router = (*service)->gateway().Routes();
  for (const auto& route : router.routes()) {
    EXPECT_TRUE(routes.emplace(route.method, route.pattern).second) << route.pattern;
  }
  (*service)->Shutdown(std::chrono::seconds(1));
  service->reset();
  std::filesystem::remove_all(place);
  return routes;
}

// A new route has to say what it takes: without a rule it would take an admin.
TEST(RouteRules, EveryRouteHasOneAndEveryRuleHasItsRoute) {
  const std::set<Route> routes = RoutesOfAGateway();
  EXPECT_GT(routes.size(), 25u);
  std::set<Route> ruled;
  for (const RouteRule& rule : RouteRules()) {
    EXPECT_TRUE(ruled.emplace(rule.method, rule.pattern).second) << rule.pattern << " twice";
    EXPECT_TRUE(routes.contains({std::string(rule.method), std::string(rule.pattern)}))
        << rule.method << " " << rule.pattern << " is no route (any more)";
  }
  for (const auto& [method, pattern] : routes) {
    EXPECT_TRUE(ruled.contains({method, pattern}))
        << method << " " << pattern << " has no rule in src/gateway/route_rules.cc";
  }
}

TEST(RouteRules, OnlyProbesAndImagesGoWithoutAKey) {
  for (const RouteRule& rule : RouteRules()) {
    const bool probe = rule.pattern == "/healthz" || rule.pattern == "/readyz";
    EXPECT_EQ(rule.need == Need::kNothing, probe) << rule.pattern;
    EXPECT_EQ(rule.need == Need::kImage, rule.pattern == "/images/{file}") << rule.pattern;
  }
}

TEST(RouteRules, WhatIsNotInTheTableTakesAnAdmin) {
  EXPECT_EQ(RuleOf("GET", "/new").need, Need::kAdmin);
  EXPECT_EQ(RuleOf("PUT", "/v1/models").need, Need::kAdmin);
}

}  // namespace
}  // namespace reprise
