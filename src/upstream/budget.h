// What each tenant may spend on images a day (UTC). Safe for any thread.
//
// Money is reserved before a call and on the disk by then, so neither many calls at once nor a
// restart spend more than there is; what a failed call did not cost is given back.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
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
  double default_usd = 0;                    // a day, for each tenant; 0: no bound
  std::map<std::string, double> tenant_usd;  // instead of it, by tenant; 0: no bound
};

class Budget {
 public:
  struct Charge {
    std::string tenant;
    std::int64_t day = 0;
    double usd = 0;
  };

  // `log` and `clock` outlive the budget.
  Budget(BudgetLimits limits, SpendingLog& log, const Clock& clock)
      : limits_(std::move(limits)), log_(log), clock_(clock) {}

  // Reads what today has cost so far. Once, before the other methods.
  Result<void> Load();

  // kRateLimited, with the time until midnight, when it would go over the budget. Tenants without a
  // bound are charged nothing.
  Task<Result<Charge>> Reserve(std::string tenant, double usd);
  // Of a charge, what was not spent in the end: at most all of it.
  Task<> GiveBack(Charge charge, double usd);

  // {"default_usd": ..., "tenants": {NAME: {"budget_usd": ..., "spent_usd": ...}}}: today's.
  nlohmann::json ToJson() const;

 private:
  double LimitOf(const std::string& tenant) const;
  Error Exceeded(const std::string& tenant, double spent, double usd) const;
  std::int64_t TurnPage();  // gives today; the lock is held

  const BudgetLimits limits_;
  SpendingLog& log_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::int64_t day_ = 0;
  std::map<std::string, double> spent_usd_;  // on day_
};

}  // namespace reprise
