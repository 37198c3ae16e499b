// When to ask a server again, and when to give up. Pure: the caller waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/client.h"

namespace reprise::http {

struct RetryPolicy {
  int max_attempts = 3;
  std::chrono::milliseconds base{500};  // the longest wait after the first attempt; then doubled
  std::chrono::milliseconds max{8'000};
};

// An attempt that failed.
struct FailedAttempt {
  int number = 1;        // counted from 1
  int status = 0;        // HTTP; 0: no answer (refused, broken or timed out)
  bool lasting = false;  // the answer says that repeating cannot help, e.g. insufficient_quota
  std::optional<std::chrono::milliseconds> advised;  // see AdvisedWait
  std::chrono::milliseconds time_left{0};            // until the caller's deadline
};

struct RetryDecision {
  bool retry = false;
  std::chrono::milliseconds wait{0};  // before the next attempt
  bool advice_too_late = false;       // gave up because the upstream asks for longer than is left
};

// 429, 500, 502, 503, 504 and Cloudflare's 520 to 524, or no answer at all (status 0).
bool IsTransient(int status);

// What the response's headers ask to wait: retry-after-ms, or Retry-After in seconds or as a date
// (RFC 9110, 10.2.3) compared with `now_ms`, the wall clock. Never negative.
std::optional<std::chrono::milliseconds> AdvisedWait(const ClientResponse& response,
                                                     std::int64_t now_ms);

// "Sun, 06 Nov 1994 08:49:37 GMT" as milliseconds since the epoch (RFC 9110, 5.6.7).
std::optional<std::int64_t> ParseHttpDate(std::string_view text);

// Exponential backoff with full jitter: a uniform part, `jitter` in [0, 1), of what the attempt's
// number allows, so that callers who failed together do not return together. Advice replaces it.
// A wait that leaves no time for another attempt is not begun.
RetryDecision DecideRetry(const RetryPolicy& policy, const FailedAttempt& failed, double jitter);

}  // namespace reprise::http
