// What each tenant, and all of them together, may spend on images a day (UTC). Safe for any thread.
//
// Money is reserved before a call and on the disk by then, so neither many calls at once nor a
// restart spend more than there is. After the call it is settled: what was not spent is given back,
// what an API billed above its price is booked, too.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace reprise {

// Where spending is written down. Safe for any thread.
class SpendingLog {
 public:
  virtual ~SpendingLog() = default;

  // Adds to what `tenant` spent on a day (days since the Unix epoch, UTC), negative amounts too;
  // durable when it returns.
  virtual Task<Result<void>> Add(std::int64_t day, std::string tenant, double usd) = 0;
  // By tenant. For start-up, on the calling thread.
  virtual Result<std::map<std::string, double>> SpentOn(std::int64_t day) const = 0;
};

struct BudgetLimits {
  double total_usd = 0;                      // a day, for all tenants together; 0: no bound
  double default_usd = 0;                    // a day, for each tenant; 0: no bound
  std::map<std::string, double> tenant_usd;  // instead of it, by tenant; 0: no bound
};

class Budget {
 public:
  struct Charge {
    std::string tenant;
    std::int64_t day = 0;
    double usd = 0;
    bool counted = false;  // false: nothing bounds the tenant
  };

  // `log` and `clock` outlive the budget.
  Budget(BudgetLimits limits, SpendingLog& log, const Clock& clock)
      : limits_(std::move(limits)), log_(log), clock_(clock) {}

  // Reads what today has cost so far. Once, before the other methods.
  Result<void> Load();

  // kRateLimited, with the time until midnight, when it would go over a budget. Without a bound in
  // total, tenants without one are charged nothing.
  Task<Result<Charge>> Reserve(std::string tenant, double usd);
  // What the charge came to in the end, whatever was reserved.
  Task<> Settle(Charge charge, double spent_usd);

  // {"default_usd": ..., "tenants": {NAME: {"budget_usd": ..., "spent_usd": ...}}}, and with a
  // bound in total "total": {"budget_usd": ..., "spent_usd": ...}: today's.
  nlohmann::json ToJson() const;

 private:
  double LimitOf(const std::string& tenant) const;
  // The lock is held by whoever calls these.
  std::optional<Error> Refusal(const std::string& tenant, double usd) const;
  void Book(const std::string& tenant, std::int64_t day, double usd);
  std::int64_t TurnPage();  // gives today

  const BudgetLimits limits_;
  SpendingLog& log_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::int64_t day_ = 0;
  std::map<std::string, double> spent_usd_;  // on day_
  double total_usd_ = 0;                     // the sum of it
};

}  // namespace reprise
