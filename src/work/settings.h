// What the operator decides about batches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reprise {

struct BatchSettings {
  std::size_t items = 1000;      // of one batch
  std::size_t concurrency = 32;  // background items that are asked for at the same time
  std::size_t queue = 100'000;   // background items that may wait, and a tenth of that for every
                                 // tenant whatever others have waiting
  std::int64_t keep_ms = 7LL * 24 * 3600 * 1000;  // ended batches
  bool private_webhooks = false;                  // whether a webhook may be on a private network
};

}  // namespace reprise
