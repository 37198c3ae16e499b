#include "upstream/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace reprise {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
// Budgets are sums of prices; a ten-thousandth of a cent is rounding.
constexpr double kRounding = 1e-6;

Error Exceeded(std::string message, std::string_view setting, std::int64_t now_ms) {
  return {.code = Code::kRateLimited,
          .message = fmt::format(
              "{}; stored images are still served; ask again after midnight, or raise {}", message,
              setting),
          .upstream = "budget_exceeded",
          .retry_after_ms = kDayMs - now_ms % kDayMs};
}

}  // namespace

Result<void> Budget::Load() {
  const std::int64_t day = clock_.NowMs() / kDayMs;
  auto spent = log_.SpentOn(day);
  if (!spent) return std::unexpected(spent.error());
  std::lock_guard lock(mutex_);
  day_ = day;
  spent_usd_ = std::move(*spent);
  total_usd_ = 0;
  for (const auto& [tenant, usd] : spent_usd_) total_usd_ += usd;
  return {};
}

Task<Result<Budget::Charge>> Budget::Reserve(std::string tenant, double usd) {
  if (limits_.total_usd == 0 && LimitOf(tenant) == 0) co_return Charge{};
  Charge charge{.tenant = std::move(tenant), .usd = usd, .counted = true};
  {
    std::lock_guard lock(mutex_);
    charge.day = TurnPage();
    if (usd == 0) co_return charge;  // free, as far as its price says
    if (auto refusal = Refusal(charge.tenant, usd)) co_return std::unexpected(std::move(*refusal));
    Book(charge.tenant, charge.day, usd);
  }
  const auto written = co_await log_.Add(charge.day, charge.tenant, usd);
  if (!written) {
    std::lock_guard lock(mutex_);
    Book(charge.tenant, charge.day, -usd);
    Error error = written.error();
    error.message = "the budget cannot be kept: " + error.message;
    co_return std::unexpected(std::move(error));
  }
  co_return charge;
}

Task<> Budget::Settle(Charge charge, double spent_usd) {
  const double more = spent_usd - charge.usd;
  if (!charge.counted || more == 0) co_return;
  {
    std::lock_guard lock(mutex_);
    TurnPage();
    Book(charge.tenant, charge.day, more);
  }
  const auto written = co_await log_.Add(charge.day, charge.tenant, more);
  if (!written) log::warn("budget of {}: {}", charge.tenant, written.error().message);
}

nlohmann::json Budget::ToJson() const {
  nlohmann::json tenants = nlohmann::json::object();
  std::lock_guard lock(mutex_);
  const bool today = clock_.NowMs() / kDayMs == day_;
  for (const auto& [tenant, usd] : limits_.tenant_usd) tenants[tenant]["spent_usd"] = 0.0;
  for (const auto& [tenant, usd] : spent_usd_) {
    if (today) tenants[tenant]["spent_usd"] = usd;
  }
  for (auto& [tenant, entry] : tenants.items()) entry["budget_usd"] = LimitOf(tenant);
  nlohmann::json shown = {{"default_usd", limits_.default_usd}, {"tenants", std::move(tenants)}};
  if (limits_.total_usd > 0) {
    shown["total"] = {{"budget_usd", limits_.total_usd}, {"spent_usd", today ? total_usd_ : 0.0}};
  }
  return shown;
}

double Budget::LimitOf(const std::string& tenant) const {
  const auto own = limits_.tenant_usd.find(tenant);
  return own == limits_.tenant_usd.end() ? limits_.default_usd : own->second;
}

std::optional<Error> Budget::Refusal(const std::string& tenant, double usd) const {
  const auto exceeds = [usd](double spent, double limit) {
    return limit > 0 && spent + usd > limit + kRounding;
  };
  const std::int64_t now_ms = clock_.NowMs();
  const auto found = spent_usd_.find(tenant);
  const double own = found == spent_usd_.end() ? 0 : found->second;
  if (exceeds(own, LimitOf(tenant))) {
    return Exceeded(fmt::format("the tenant '{}' has spent ${:.4g} of its ${:.4g} for today (UTC), "
                                "and this would cost ${:.4g} more",
                                tenant, own, LimitOf(tenant), usd),
                    "budget_usd", now_ms);
  }
  if (exceeds(total_usd_, limits_.total_usd)) {
    // What the others spent is not this one's business; the statistics have it.
    return Exceeded(fmt::format("all tenants together have less than ${:.4g} left for today (UTC), "
                                "which this would cost",
                                usd),
                    "budget_total_usd", now_ms);
  }
  return {};
}

void Budget::Book(const std::string& tenant, std::int64_t day, double usd) {
  if (day != day_) return;  // a page that has been turned
  double& spent = spent_usd_[tenant];
  const double before = spent;
  spent = std::max(0.0, spent + usd);
  total_usd_ = std::max(0.0, total_usd_ + spent - before);
}

std::int64_t Budget::TurnPage() {
  const std::int64_t day = clock_.NowMs() / kDayMs;
  if (day == day_ || day == day_ - 1)
    return day_;  // the latter: a clock that was set back a little
  spent_usd_.clear();
  total_usd_ = 0;
  return day_ = day;
}

}  // namespace reprise
