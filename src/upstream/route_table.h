// Which upstreams answer for a model, in which order. As configured; see docs/routes.md.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace reprise {

// One way to have a model's image made.
struct RouteTarget {
  std::string upstream;          // its name
  std::string model;             // as that upstream names it; empty: as the request does
  int quality = 5;               // 1 to 10, for `prefer: quality`
  double seconds = 10;           // an image takes, for `prefer: speed`, until it was measured
  bool next_on_refusal = false;  // its content refusal does not end the request
  bool operator==(const RouteTarget&) const = default;
};

// By model; kAnyModel for every model without a route of its own.
using RouteTable = std::map<std::string, std::vector<RouteTarget>, std::less<>>;
inline constexpr char kAnyModel[] = "*";

}  // namespace reprise
