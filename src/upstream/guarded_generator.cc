#include "upstream/guarded_generator.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/log.h"
#include "upstream/image_check.h"

namespace reprise {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::int64_t MicroUsd(double usd) {
  return std::llround(usd * 1e6);
}

std::string_view NameOf(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kOpen:
      return "open";
    case CircuitBreaker::State::kHalfOpen:
      return "half-open";
  }
  return "closed";
}

double CostOf(const Generated& generated) {
  return generated.image_usd.value_or(0) * static_cast<double>(generated.images.size());
}

// What the service itself said, and may say of another request too: a refusal, a bad request, an
// unknown model, something too large. Not what is wrong with the account, or with the moment.
bool IsAnswer(int status) {
  switch (status) {
    case 401:
    case 402:
    case 408:
    case 425:
    case 429:
      return false;
    default:
      return status >= 400 && status < 500;
  }
}

class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::atomic<std::size_t>& count_;
};

}  // namespace

// Tells the breaker that a call it allowed has ended, whatever way it ends.
class GuardedGenerator::Allowed {
 public:
  Allowed(CircuitBreaker& breaker, CircuitBreaker::Ticket ticket)
      : breaker_(breaker), ticket_(ticket) {}
  Allowed(const Allowed&) = delete;
  Allowed& operator=(const Allowed&) = delete;
  ~Allowed() {
    if (!told_) breaker_.Skip(ticket_);
  }
  void Succeed() {
    breaker_.Succeed(ticket_);
    told_ = true;
  }
  void Fail(milliseconds advised) {
    breaker_.Fail(ticket_, advised);
    told_ = true;
  }

 private:
  CircuitBreaker& breaker_;
  const CircuitBreaker::Ticket ticket_;
  bool told_ = false;
};

// Calls for one request, on one strand: the first good answer wins; without one a refusal of the
// content counts, which another service is not asked after, and else the last failure.
struct GuardedGenerator::Race {
  int open = 0;
  bool won = false;
  std::optional<Error> refusal;
  AsyncValue<Result<Generated>> outcome;

  // False: nobody uses it.
  bool End(Result<Generated> result) {
    --open;
    if (won) return false;
    won = result.has_value();
    if (!won && result.error().code == Code::kForbidden) refusal = result.error();
    if (!won && refusal) result = std::unexpected(*refusal);
    if (won || open == 0) outcome.Set(std::move(result));
    return won;
  }
};

GuardedGenerator::GuardedGenerator(std::unique_ptr<ImageGenerator> upstream, GuardOptions options,
                                   GuardParts parts)
    : upstream_(std::move(upstream)),
      options_(std::move(options)),
      parts_(parts),
      places_(options_.concurrency, options_.queue),
      breaker_(options_.breaker, parts_.clock) {}

Task<Result<Generated>> GuardedGenerator::Generate(GenerateRequest request) {
  if (breaker_.state() == CircuitBreaker::State::kOpen) co_return std::unexpected(Away());
  request.deadline = std::min(request.deadline, After(options_.timeout));
  auto place = co_await TakePlace(request.tenant, request.deadline);
  if (!place) co_return std::unexpected(std::move(place.error()));
  if (options_.hedge_after.count() == 0) co_return co_await Call(std::move(request));
  co_return co_await Hedged(std::move(request), std::move(*place));
}

Task<Result<FairQueue::Permit>> GuardedGenerator::TakePlace(std::string tenant, Deadline deadline) {
  auto place = co_await places_.Acquire(std::move(tenant), deadline);
  if (place) co_return place;
  Error error = std::move(place.error());
  error.message = "the upstream " + std::string(name()) + " is busy with " +
                  std::to_string(options_.concurrency) + " generations and " +
                  std::to_string(places_.waiting()) + " are waiting; try again later (settings " +
                  options_.settings + ".concurrency, " + options_.settings + ".queue)";
  error.retry_after_ms = 1000;
  co_return std::unexpected(std::move(error));
}

// The second call takes a place that nobody waits for, or does not go out.
Task<Result<Generated>> GuardedGenerator::Hedged(GenerateRequest request, Permit place) {
  auto race = std::make_shared<Race>();
  co_await Start(race, request, std::move(place));
  auto outcome = co_await race->outcome.WaitUntil(After(options_.hedge_after));
  if (!outcome) {
    if (auto second = places_.TryAcquire()) {
      ++hedges_;
      co_await Start(race, std::move(request), std::move(*second));
    }
    outcome = co_await race->outcome.WaitUntil(Deadline::max());  // calls keep their deadline
  }
  co_return std::move(*outcome);
}

Task<> GuardedGenerator::Start(std::shared_ptr<Race> race, GenerateRequest request, Permit place) {
  ++race->open;
  Spawn(co_await asio::this_coro::executor, Enter(race, std::move(request), std::move(place)),
        [race](std::exception_ptr failed) {
          if (failed) race->End(Fail(Code::kInternal, "an upstream call ended abruptly"));
        });
}

Task<> GuardedGenerator::Enter(std::shared_ptr<Race> race, GenerateRequest request, Permit) {
  auto generated = co_await Call(std::move(request));
  const double usd = generated ? CostOf(*generated) : 0;
  const bool good = generated.has_value();
  if (!race->End(std::move(generated)) && good) discarded_micro_usd_ += MicroUsd(usd);
}

Task<Result<Generated>> GuardedGenerator::Call(GenerateRequest request) {
  const auto ticket = breaker_.Allow();
  if (!ticket) co_return std::unexpected(Away());
  Allowed allowed(breaker_, *ticket);
  const double image_usd = PriceOf(options_.prices, request);
  Budget::Charge charge;
  if (parts_.budget != nullptr) {
    auto reserved = co_await parts_.budget->Reserve(request.tenant, image_usd * request.count);
    if (!reserved) co_return std::unexpected(std::move(reserved.error()));
    charge = std::move(*reserved);
  }
  const auto start = steady_clock::now();
  const auto given = duration_cast<milliseconds>(request.deadline - start);
  auto generated = co_await Ask(std::move(request));
  if (generated) {
    if (!generated->image_usd) generated->image_usd = image_usd;
    generated->upstream = name();
    generated->took = duration_cast<milliseconds>(steady_clock::now() - start);
    times_.Add(*generated->took);
    spent_micro_usd_ += MicroUsd(CostOf(*generated));
    allowed.Succeed();
  } else {
    ++errors_;
    Judge(generated.error(), given, allowed);
  }
  const double spent = generated ? CostOf(*generated) : 0;
  if (parts_.budget != nullptr) co_await parts_.budget->Settle(std::move(charge), spent);
  co_return generated;
}

Task<Result<Generated>> GuardedGenerator::Ask(GenerateRequest request) {
  const Counted counted(under_way_);
  ++calls_;
  const Deadline deadline = request.deadline;
  auto generated = co_await upstream_->Generate(std::move(request));
  if (!generated) co_return generated;
  co_return co_await Checked(std::move(*generated), deadline);
}

Task<Result<Generated>> GuardedGenerator::Checked(Generated generated, Deadline deadline) {
  std::vector<GeneratedImage> whole;
  Error fault{.code = Code::kBadUpstream, .message = "the upstream gave no image"};
  for (GeneratedImage& image : generated.images) {
    auto info =
        co_await CheckPaidImage(parts_.workers, image.bytes, options_.image_limits, deadline);
    if (!info) {
      fault = std::move(info.error());
      continue;
    }
    image.info = *info;
    whole.push_back(std::move(image));
  }
  if (whole.empty()) co_return std::unexpected(std::move(fault));
  if (generated.image_usd) {  // the bill is for all of them
    *generated.image_usd *=
        static_cast<double>(generated.images.size()) / static_cast<double>(whole.size());
  }
  generated.images = std::move(whole);
  co_return generated;
}

// A call that was given little time, as its request had waited, says nothing, nor do workers of
// this machine that are busy, nor a request that was refused here and never sent.
void GuardedGenerator::Judge(const Error& error, milliseconds given, Allowed& allowed) {
  if (IsAnswer(error.upstream_status)) return allowed.Succeed();
  switch (error.code) {
    case Code::kForbidden:  // in an answer that was a success in the eyes of HTTP
      if (!error.upstream.empty()) allowed.Succeed();
      return;
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kOverloaded:
      return;
    default:
      break;
  }
  if (error.code == Code::kDeadlineExceeded && given < options_.timeout / 2) return;
  allowed.Fail(milliseconds(error.retry_after_ms));
  if (breaker_.state() == CircuitBreaker::State::kOpen) {
    log::warn("upstream {}: left alone for {} ms after repeated failures, the last: {}", name(),
              breaker_.remaining().count(), error.message);
  }
}

Error GuardedGenerator::Away() const {
  const long long wait = std::max<long long>(1000, breaker_.remaining().count());
  return {.code = Code::kUnavailable,
          .message = "the upstream " + std::string(name()) +
                     " keeps failing and is left alone for the next " +
                     std::to_string((wait + 999) / 1000) + " s",
          .retry_after_ms = wait};
}

std::vector<UpstreamStatus> GuardedGenerator::Status() const {
  const auto median = times_.Median();
  return {{.name = std::string(name()),
           .breaker = NameOf(breaker_.state()),
           .under_way = under_way_,
           .waiting = places_.waiting(),
           .calls = calls_,
           .errors = errors_,
           .hedges = hedges_,
           .median_ms = median ? static_cast<double>(median->count()) : 0,
           .spent_usd = static_cast<double>(spent_micro_usd_) / 1e6,
           .discarded_usd = static_cast<double>(discarded_micro_usd_) / 1e6}};
}

}  // namespace reprise
