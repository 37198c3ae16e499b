// What each route takes of whoever asks: one table, so that it can be read at a glance and tested
// against the routes that there are.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace reprise {

enum class Need {
  kNothing,   // probes
  kGenerate,  // a key with that scope
  kRead,
  kAdmin,
  kImage,  // a link that is valid, or a key that may read
};

struct RouteRule {
  std::string_view method, pattern;  // as Router::Add has them
  Need need = Need::kAdmin;
  http::Response (*error)(const Error&);  // a refusal, as the clients of that API expect it
};

std::span<const RouteRule> RouteRules();

// A route that is not in the table takes an admin.
RouteRule RuleOf(std::string_view method, std::string_view pattern);

}  // namespace reprise
