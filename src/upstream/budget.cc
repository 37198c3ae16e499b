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

}  // namespace

Result<void> Budget::Load() {
  const std::int64_t day = clock_.NowMs() / kDayMs;
  auto spent = log_.SpentOn(day);
  if (!spent) return std::unexpected(spent.error());
  std::lock_guard lock(mutex_);
  day_ = day;
  spent_usd_ = std::move(*spent);
  return {};
}

Task<Result<Budget::Charge>> Budget::Reserve(std::string tenant, double usd) {
  const double limit = LimitOf(tenant);
  if (limit == 0 || usd == 0) co_return Charge{std::move(tenant), 0, 0};
  Charge charge{tenant, 0, usd};
  {
    std::lock_guard lock(mutex_);
    charge.day = TurnPage();
    double& spent = spent_usd_[tenant];
    if (spent + usd > limit + kRounding) co_return std::unexpected(Exceeded(tenant, spent, usd));
    spent += usd;
  }
  const auto written = co_await log_.Add(charge.day, tenant, usd);
  if (!written) {
    std::lock_guard lock(mutex_);
    if (day_ == charge.day) spent_usd_[tenant] -= usd;
    Error error = written.error();
    error.message = "the budget cannot be kept: " + error.message;
    co_return std::unexpected(std::move(error));
  }
  co_return charge;
}

Task<> Budget::GiveBack(Charge charge, double usd) {
  const double back = std::min(usd, charge.usd);
  if (back <= 0) co_return;
  {
    std::lock_guard lock(mutex_);
    if (day_ == charge.day) {
      double& spent = spent_usd_[charge.tenant];
      spent = std::max(0.0, spent - back);
    }
  }
  const auto written = co_await log_.Add(charge.day, charge.tenant, -back);
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
  return {{"default_usd", limits_.default_usd}, {"tenants", std::move(tenants)}};
}

double Budget::LimitOf(const std::string& tenant) const {
  const auto own = limits_.tenant_usd.find(tenant);
  return own == limits_.tenant_usd.end() ? limits_.default_usd : own->second;
}

Error Budget::Exceeded(const std::string& tenant, double spent, double usd) const {
  return {
      .code = Code::kRateLimited,
      .message = fmt::format(
          "the tenant '{}' has spent ${:.4g} of its ${:.4g} for today (UTC), and this would cost "
          "${:.4g} more; stored images are still served; ask again after midnight, or raise "
          "budget_usd",
          tenant, spent, LimitOf(tenant), usd),
      .upstream = "budget_exceeded",
      .retry_after_ms = kDayMs - clock_.NowMs() % kDayMs};
}

std::int64_t Budget::TurnPage() {
  const std::int64_t day = clock_.NowMs() / kDayMs;
  if (day != day_) spent_usd_.clear();
  return day_ = day;
}

}  // namespace reprise
