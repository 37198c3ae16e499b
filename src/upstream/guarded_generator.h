// An upstream with what stands around it: a bounded number of calls with a fair queue in front, a
// circuit breaker, a budget, a second call when the first is slow, and a look at what comes back.
// Safe for any thread.
//
//   breaker open? -> a place -> breaker -> budget -> call (-> second call) -> whole images? ->
//   count
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/circuit_breaker.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "image/image.h"
#include "upstream/budget.h"
#include "upstream/fair_queue.h"
#include "upstream/image_generator.h"
#include "upstream/price.h"
#include "upstream/recent_times.h"

namespace reprise {

struct GuardOptions {
  std::string settings = "upstream";           // the section of the configuration it comes from
  std::size_t concurrency = 32;                // calls under way
  std::size_t queue = 2000;                    // requests that wait
  std::chrono::milliseconds timeout{180'000};  // of a request: waiting, calls and retries
  std::chrono::milliseconds hedge_after{0};    // until a second call goes out; 0: none does
  CircuitBreakerOptions breaker;
  ImageLimits image_limits;
  PriceTable prices;
};

// What the generator uses; all of it outlives the generator.
struct GuardParts {
  WorkerPool& workers;  // decodes what comes back
  const Clock& clock;
  Budget* budget = nullptr;  // null: none
};

// Outlives its calls: destroy it after the threads of the io_context have ended, or once Status
// says that none is under way. A hedged call that nobody waits for any more ends by its own
// deadline.
class GuardedGenerator final : public ImageGenerator {
 public:
  GuardedGenerator(std::unique_ptr<ImageGenerator> upstream, GuardOptions options,
                   GuardParts parts);

  std::string_view name() const override { return upstream_->name(); }

  // At once: kUnavailable while the breaker is open, kOverloaded when the queue is full,
  // kRateLimited over the budget. kDeadlineExceeded after `timeout`. Images are decoded whole
  // (`info` is set), those that are none are left out, and none left is kBadUpstream.
  Task<Result<Generated>> Generate(GenerateRequest request) override;

  std::optional<double> ImagePrice(const GenerateRequest& request) const override {
    return PriceOf(options_.prices, request);
  }
  Task<Result<void>> Probe() override { return upstream_->Probe(); }
  std::vector<UpstreamStatus> Status() const override;

 private:
  struct Race;
  class Allowed;
  using Permit = FairQueue::Permit;

  Task<Result<Permit>> TakePlace(std::string tenant, Deadline deadline);
  Task<Result<Generated>> Hedged(GenerateRequest request, Permit place);
  Task<> Start(std::shared_ptr<Race> race, GenerateRequest request, Permit place);
  Task<> Enter(std::shared_ptr<Race> race, GenerateRequest request, Permit place);
  Task<Result<Generated>> Call(GenerateRequest request);
  Task<Result<Generated>> Ask(GenerateRequest request);
  Task<Result<Generated>> Checked(Generated generated, Deadline deadline);
  void Judge(const Error& error, std::chrono::milliseconds given, Allowed& allowed);
  Error Away() const;

  const std::unique_ptr<ImageGenerator> upstream_;
  const GuardOptions options_;
  const GuardParts parts_;
  FairQueue places_;
  CircuitBreaker breaker_;
  RecentTimes times_;
  std::atomic<std::size_t> under_way_ = 0;
  std::atomic<std::uint64_t> calls_ = 0, errors_ = 0, hedges_ = 0;
  std::atomic<std::int64_t> spent_micro_usd_ = 0, discarded_micro_usd_ = 0;
};

}  // namespace reprise
