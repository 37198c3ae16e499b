#include "http/retry.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace reprise::http {
namespace {

using std::chrono::milliseconds;

// A day: beyond any deadline, and far from overflowing.
constexpr std::int64_t kLongestAdviceMs = 24LL * 3600 * 1000;

// NaN and what is out of range count as the longest advice.
milliseconds Bounded(double wait_ms) {
  if (!(wait_ms < static_cast<double>(kLongestAdviceMs))) return milliseconds(kLongestAdviceMs);
  return milliseconds(static_cast<std::int64_t>(std::max(wait_ms, 0.0)));
}

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned> MonthNumber(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto at = std::find(kMonths.begin(), kMonths.end(), name);
  if (at == kMonths.end()) return std::nullopt;
  return static_cast<unsigned>(at - kMonths.begin()) + 1;
}

// The most that may be waited after attempt `number`.
milliseconds Ceiling(const RetryPolicy& policy, int number) {
  milliseconds wait = policy.base;
  for (int i = 1; i < number && wait < policy.max; ++i) wait *= 2;
  return std::min(wait, policy.max);
}

}  // namespace

bool IsTransient(int status) {
  constexpr int kTransient[] = {0, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524};
  return std::find(std::begin(kTransient), std::end(kTransient), status) != std::end(kTransient);
}

std::optional<milliseconds> AdvisedWait(const ClientResponse& response, std::int64_t now_ms) {
  if (const auto text = response.Header("retry-after-ms")) {
    if (const auto wait = ParseNumber<double>(*text)) return Bounded(*wait);
  }
  const auto text = response.Header("retry-after");
  if (!text) return std::nullopt;
  if (const auto seconds = ParseNumber<double>(*text)) return Bounded(*seconds * 1000);
  if (const auto date = ParseHttpDate(*text)) return Bounded(static_cast<double>(*date - now_ms));
  return std::nullopt;
}

std::optional<std::int64_t> ParseHttpDate(std::string_view text) {
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const auto day = ParseNumber<unsigned>(text.substr(5, 2));
  const auto month = MonthNumber(text.substr(8, 3));
  const auto year = ParseNumber<int>(text.substr(12, 4));
  const auto hour = ParseNumber<unsigned>(text.substr(17, 2));
  const auto minute = ParseNumber<unsigned>(text.substr(20, 2));
  const auto second = ParseNumber<unsigned>(text.substr(23, 2));
  if (!day || !month || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                    std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

RetryDecision DecideRetry(const RetryPolicy& policy, const FailedAttempt& failed, double jitter) {
  if (failed.lasting || !IsTransient(failed.status)) return {};
  if (failed.advised && *failed.advised >= failed.time_left) return {.advice_too_late = true};
  if (failed.number >= policy.max_attempts) return {};
  const auto backoff = std::chrono::duration_cast<milliseconds>(Ceiling(policy, failed.number) *
                                                                std::clamp(jitter, 0.0, 1.0));
  const milliseconds wait = failed.advised.value_or(backoff);
  if (wait >= failed.time_left) return {};
  return {.retry = true, .wait = wait};
}

}  // namespace reprise::http
