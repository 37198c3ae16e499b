// What each tenant spent on images, by day (since the Unix epoch, UTC). Safe for any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/task.h"

namespace reprise {

class SpendingStore {
 public:
  virtual ~SpendingStore() = default;

  // Adds to a tenant's day, negative amounts too, though never to below 0; durable when it returns.
  // Days long gone are removed.
  virtual Task<Result<void>> Add(std::int64_t day, std::string tenant, double usd) = 0;

  // By tenant; on the calling thread, for start-up.
  virtual Result<std::map<std::string, double>> SpentOn(std::int64_t day) const = 0;
};

}  // namespace reprise
