#include "gateway/route_rules.h"

#include <algorithm>
#include <array>

#include "gateway/errors.h"
#include "gateway/pollinations_request.h"
#include "gateway/runpod_protocol.h"

namespace reprise {
namespace {

constexpr auto kOpenAi = ErrorResponse;
constexpr auto kPollinations = PollinationsError;
constexpr auto kRunPod = RunPodError;

constexpr std::array kRules = {
    RouteRule{"GET", "/healthz", Need::kNothing, kOpenAi},
    RouteRule{"GET", "/readyz", Need::kNothing, kOpenAi},
    RouteRule{"GET", "/images/{file}", Need::kImage, kOpenAi},

    RouteRule{"POST", "/v1/images/generations", Need::kGenerate, kOpenAi},
    RouteRule{"POST", "/v1/images/edits", Need::kGenerate, kOpenAi},
    RouteRule{"POST", "/v1/images/variations", Need::kGenerate, kOpenAi},
    RouteRule{"POST", "/v1/chat/completions", Need::kGenerate, kOpenAi},
    RouteRule{"POST", "/api/v1/chat/completions", Need::kGenerate, kOpenAi},
    RouteRule{"GET", "/v1/models", Need::kRead, kOpenAi},
    RouteRule{"GET", "/v1/models/{id}", Need::kRead, kOpenAi},
    RouteRule{"GET", "/v1/models/{maker}/{id}", Need::kRead, kOpenAi},

    RouteRule{"GET", "/prompt/{prompt...}", Need::kGenerate, kPollinations},
    RouteRule{"GET", "/image/{prompt...}", Need::kGenerate, kPollinations},

    RouteRule{"POST", "/v2/{endpoint}/runsync", Need::kGenerate, kRunPod},
    RouteRule{"POST", "/v2/{endpoint}/run", Need::kGenerate, kRunPod},
    RouteRule{"GET", "/v2/{endpoint}/status/{id}", Need::kRead, kRunPod},
    RouteRule{"POST", "/v2/{endpoint}/status/{id}", Need::kRead, kRunPod},
    RouteRule{"POST", "/v2/{endpoint}/cancel/{id}", Need::kGenerate, kRunPod},

    RouteRule{"POST", "/v1/generate", Need::kGenerate, kOpenAi},
    RouteRule{"POST", "/v1/batches", Need::kGenerate, kOpenAi},
    RouteRule{"GET", "/v1/batches", Need::kRead, kOpenAi},
    RouteRule{"GET", "/v1/batches/{id}", Need::kRead, kOpenAi},
    RouteRule{"DELETE", "/v1/batches/{id}", Need::kGenerate, kOpenAi},
    RouteRule{"GET", "/v1/batches/{id}/images", Need::kRead, kOpenAi},
    RouteRule{"GET", "/v1/batches/{id}/events", Need::kRead, kOpenAi},

    RouteRule{"POST", "/v1/feedback", Need::kGenerate, kOpenAi},
    RouteRule{"GET", "/v1/feedback", Need::kRead, kOpenAi},
    RouteRule{"DELETE", "/v1/feedback/{id}", Need::kGenerate, kOpenAi},
    RouteRule{"GET", "/v1/stats", Need::kRead, kOpenAi},
    RouteRule{"GET", "/metrics", Need::kAdmin, kOpenAi},
    RouteRule{"DELETE", "/v1/entries/{id}", Need::kAdmin, kOpenAi},
    RouteRule{"POST", "/v1/purge", Need::kAdmin, kOpenAi},
};

}  // namespace

std::span<const RouteRule> RouteRules() {
  return kRules;
}

RouteRule RuleOf(std::string_view method, std::string_view pattern) {
  const auto found = std::ranges::find_if(kRules, [&](const RouteRule& rule) {
    return rule.method == method && rule.pattern == pattern;
  });
  return found == kRules.end() ? RouteRule{method, pattern, Need::kAdmin, kOpenAi} : *found;
}

}  // namespace reprise
