#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace reprise {

Result<void> ParallelFor(std::size_t count, const std::function<Result<void>(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  Result<void> result;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      if (auto done = work(i); !done) {
        next = count;
        std::lock_guard lock(mutex);
        if (result) result = std::move(done);
      }
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(run);
  run();
  helpers.clear();  // joins
  return result;
}

}  // namespace reprise
