#include "cache/audit.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "image/compare.h"

namespace reprise {
namespace {

constexpr std::size_t kPlaces = 2, kQueue = 64;
constexpr std::size_t kKept = 20'000;  // findings of each kind in memory
constexpr std::uint64_t kControlEvery = 4;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::chrono::milliseconds kYield{50};

// Budgets are sums of prices; a hundredth of a cent is rounding.
constexpr double kRounding = 1e-6;

template <class T>
void Keep(std::deque<T>& list, T item) {
  list.push_back(std::move(item));
  if (list.size() > kKept) list.pop_front();
}

Error OverBudget(double budget) {
  return {.code = Code::kRateLimited,
          .message = "the audit's budget of $" + std::to_string(budget) + " a day is spent"};
}

// The entry's own prompt, asked as the request was; a seed would make the very same image again.
std::shared_ptr<const Job> ControlJob(const AuditCase& audit) {
  const Entry& record = audit.entry->record();
  auto request = std::make_shared<ImageRequest>(*audit.job->request);
  request->prompt = record.prompt;
  request->size = {record.width, record.height};
  request->seed.reset();
  request->count = 1;
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  return job;
}

}  // namespace

Audit::Audit(Parts parts) : parts_(std::move(parts)), places_(kPlaces, kQueue) {}

Result<void> Audit::Load() {
  std::vector<StoredObservation> all;
  auto read = parts_.store.ForEachObservation(
      [&](const StoredObservation& observation) { all.push_back(observation); });
  if (!read) return read;
  day_ = parts_.clock.NowMs() / kDayMs;
  const auto spent = parts_.store.SpentOn(day_);
  if (!spent) return std::unexpected(spent.error());
  spent_usd_ = *spent;
  for (const StoredObservation& observation : all) Take(observation);
  for (const StoredObservation& observation : all) LearnFrom(observation);
  return {};
}

void Audit::Submit(AuditCase audit) {
  if (under_way_.fetch_add(1) >= kPlaces + kQueue) {
    --under_way_;
    CountSkip(Skip::kQueue);
    return;
  }
  Spawn(Strand(parts_.context), Run(std::make_shared<const AuditCase>(std::move(audit))),
        [this](std::exception_ptr) { --under_way_; });
}

Task<> Audit::Run(std::shared_ptr<const AuditCase> audit) {
  const auto place = co_await places_.Acquire(After(parts_.settings.request_timeout));
  if (!place) {
    CountSkip(Skip::kQueue);
    co_return;
  }
  auto done = co_await Compare(audit);
  if (done && WantsControl(audit->source)) done = co_await CompareControl(audit);
  if (done) co_return;
  const bool budget = done.error().code == Code::kRateLimited;
  CountSkip(budget ? Skip::kBudget : Skip::kFault);
  if (!budget) log::warn("audit: {}", done.error().message);
}

Task<Result<void>> Audit::Compare(std::shared_ptr<const AuditCase> audit) {
  const bool generate = audit->generated == nullptr;
  const double image_usd = generate ? parts_.generation.ImageCost(*audit->job->request) : 0;
  const double usd = image_usd + JudgeCost();
  const auto charge = co_await Spend(usd);
  if (!charge) co_return std::unexpected(charge.error());
  Images images{.prompt = audit->job->request->prompt, .stored = {}, .generated = audit->generated};
  auto stored = co_await parts_.library.Bytes(audit->image);
  if (stored && generate) {
    // What was paid for is kept: the next such request gets its own image.
    auto made = co_await Generate(audit->job, StorePolicy::kAdd, {charge->day, image_usd});
    if (!made) stored = std::unexpected(made.error());
    if (made) images.generated = *made;
  }
  if (!stored) {
    co_await GiveBack(*charge);
    co_return std::unexpected(stored.error());
  }
  images.stored = *stored;
  const auto found = co_await Look(std::move(images));
  if (!found) co_return std::unexpected(found.error());
  co_return co_await Record({.source = audit->source,
                             .pool = audit->candidate.pool,
                             .decision = audit->decision,
                             .entry = audit->candidate.entry,
                             .similarity = audit->candidate.similarity,
                             .score = found->score,
                             .same = found->same,
                             .created_ms = parts_.clock.NowMs()});
}

Task<Result<void>> Audit::CompareControl(std::shared_ptr<const AuditCase> audit) {
  const auto job = ControlJob(*audit);
  const double image_usd = parts_.generation.ImageCost(*job->request);
  const double usd = image_usd + JudgeCost();
  const auto charge = co_await Spend(usd);
  if (!charge) co_return std::unexpected(charge.error());
  const auto stored = co_await parts_.library.Bytes(audit->image);
  const auto made = co_await Generate(job, StorePolicy::kNone, {charge->day, image_usd});
  if (!stored || !made) {
    co_await GiveBack({charge->day, made ? JudgeCost() : usd});
    co_return std::unexpected(stored ? made.error() : stored.error());
  }
  const auto found = co_await Look({job->request->prompt, *stored, *made});
  if (!found) co_return std::unexpected(found.error());
  co_return co_await Record({.source = ObservationSource::kControl,
                             .pool = audit->candidate.pool,
                             .entry = audit->candidate.entry,
                             .similarity = 1,
                             .score = found->score,
                             .same = found->same,
                             .created_ms = parts_.clock.NowMs()});
}

// Requests go first: it begins when none of them waits for the upstream.
Task<Result<SharedBytes>> Audit::Generate(std::shared_ptr<const Job> job, StorePolicy policy,
                                          Charge image) {
  const Deadline deadline = After(parts_.settings.request_timeout);
  while (parts_.generation.waiting() > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      co_return Fail(Code::kOverloaded, "the upstream was busy all the time");
    }
    co_await Sleep(kYield);
  }
  const auto fresh = co_await parts_.generation.Run(std::move(job), 1, policy);
  if (!fresh) co_return std::unexpected(fresh.error());
  // Another upstream of the route may have made it, or the service billed it: less than 0, too.
  const double unspent = image.usd - (*fresh)->image_cost_usd;
  if (unspent != 0) co_await GiveBack({image.day, unspent});
  co_return (*fresh)->images.front().bytes;
}

Task<Result<Audit::Finding>> Audit::Look(Images images) {
  if (parts_.judge != nullptr) return Ask(std::move(images));
  return Measure(std::move(images));
}

Task<Result<Audit::Finding>> Audit::Measure(Images images) {
  const ImageLimits limits = parts_.settings.image_limits;
  auto work = [images = std::move(images), limits]() -> Result<Finding> {
    const auto stored = MeasureImage(*images.stored, limits);
    if (!stored) return std::unexpected(stored.error());
    const auto generated = MeasureImage(*images.generated, limits);
    if (!generated) return std::unexpected(generated.error());
    return Finding{.score = ImageSimilarity(*stored, *generated), .same = {}};
  };
  return parts_.workers.Run(std::move(work));
}

// A hit is wrong when its image does not show what the generated one does; where neither does, the
// judge cannot tell whose fault it is. Models prefer what comes first, so a coin orders them.
Task<Result<Audit::Finding>> Audit::Ask(Images images) {
  parts_.stats.CountSpending(parts_.settings.audit.judge_usd);
  const bool stored_first = parts_.random() < 0.5;
  JudgeRequest request{.prompt = std::move(images.prompt),
                       .first = stored_first ? images.stored : images.generated,
                       .second = stored_first ? images.generated : images.stored,
                       .deadline = After(parts_.settings.request_timeout)};
  const auto judged = co_await parts_.judge->Judge(std::move(request));
  if (!judged) co_return std::unexpected(judged.error());
  const bool stored = stored_first ? judged->first : judged->second;
  const bool generated = stored_first ? judged->second : judged->first;
  Finding finding;
  if (stored || generated) finding.same = stored;
  co_return finding;
}

Task<Result<void>> Audit::Record(StoredObservation observation) {
  Take(observation);
  LearnFrom(observation);
  co_return co_await parts_.store.PutObservation(observation);
}

Task<Result<Audit::Charge>> Audit::Spend(double usd) {
  Charge charge{parts_.clock.NowMs() / kDayMs, usd};
  const double budget = parts_.settings.audit.budget_usd;
  {
    std::lock_guard lock(mutex_);
    if (charge.day == day_ - 1) charge.day = day_;  // a clock that was set back a little
    if (charge.day != day_) {
      day_ = charge.day;
      spent_usd_ = 0;
    }
    if (spent_usd_ + usd > budget + kRounding) co_return std::unexpected(OverBudget(budget));
    spent_usd_ += usd;
  }
  if (usd == 0) co_return charge;
  const auto written = co_await parts_.store.AddSpending(charge.day, usd);
  if (written) co_return charge;
  std::lock_guard lock(mutex_);
  if (charge.day == day_) spent_usd_ = std::max(0.0, spent_usd_ - usd);
  co_return std::unexpected(written.error());
}

Task<> Audit::GiveBack(Charge charge) {
  {
    std::lock_guard lock(mutex_);
    if (charge.day == day_) spent_usd_ = std::max(0.0, spent_usd_ - charge.usd);
  }
  const auto done = co_await parts_.store.AddSpending(charge.day, -charge.usd);
  if (!done) log::warn("audit: {}", done.error().message);
}

void Audit::Take(const StoredObservation& observation) {
  const Finding finding{observation.score, observation.same};
  std::lock_guard lock(mutex_);
  if (observation.source == ObservationSource::kAudited) Keep(hits_, finding);
  if (observation.source != ObservationSource::kControl) return;
  Keep(controls_, finding);
  std::vector<double> scores;
  for (const Finding& control : controls_) {
    if (control.score) scores.push_back(*control.score);
  }
  threshold_ = SameThreshold(std::move(scores));
}

// Labels the observation, and those that waited, once scores mean something.
void Audit::LearnFrom(const StoredObservation& observation) {
  std::vector<Label> labels;
  {
    std::lock_guard lock(mutex_);
    const Candidate candidate{observation.pool, observation.entry, observation.similarity};
    const auto same = LabelOf({observation.score, observation.same});
    if (observation.source != ObservationSource::kControl && same) {
      labels.push_back({.candidate = candidate,
                        .same = *same,
                        .decision = observation.decision,
                        .reported = observation.source == ObservationSource::kReported});
    } else if (observation.source != ObservationSource::kControl && observation.score) {
      Keep(waiting_, {candidate, observation.decision, *observation.score});
    }
    if (threshold_) {
      for (const Waiting& waiting : waiting_) {
        labels.push_back({.candidate = waiting.candidate,
                          .same = waiting.score >= *threshold_,
                          .decision = waiting.decision});
      }
      waiting_.clear();
    }
  }
  for (const Label& label : labels) parts_.learn(label);
}

std::optional<bool> Audit::LabelOf(const Finding& finding) const {
  if (finding.same || !finding.score || !threshold_) return finding.same;
  return *finding.score >= *threshold_;
}

// Every other comparison until scores mean something, then every fourth of the hits. A judge's word
// needs no control to be a label.
bool Audit::WantsControl(ObservationSource source) {
  std::lock_guard lock(mutex_);
  const bool few = controls_.size() < kLeastControls;
  const bool for_labels = few && parts_.judge == nullptr;
  if (source != ObservationSource::kAudited && !for_labels) return false;
  if (++since_control_ < (few ? 2 : kControlEvery)) return false;
  since_control_ = 0;
  return true;
}

double Audit::JudgeCost() const {
  return parts_.judge != nullptr ? parts_.settings.audit.judge_usd : 0;
}

void Audit::CountSkip(Skip skip) {
  std::lock_guard lock(mutex_);
  ++(skip == Skip::kQueue    ? skipped_queue_
     : skip == Skip::kBudget ? skipped_budget_
                             : skipped_fault_);
}

JudgedPairs Audit::Judged(const std::deque<Finding>& findings) const {
  JudgedPairs pairs;
  for (const Finding& finding : findings) {
    const auto same = LabelOf(finding);
    pairs.judged += same.has_value();
    pairs.different += same && !*same;
  }
  return pairs;
}

nlohmann::json Audit::Stats() const {
  std::lock_guard lock(mutex_);
  const JudgedPairs hits = Judged(hits_), control = Judged(controls_);
  const bool by_score = parts_.judge == nullptr && threshold_;
  const FalseHitEstimate estimate =
      EstimateFalseHits(hits, by_score ? WithoutFlattery(control) : control);
  const bool today = parts_.clock.NowMs() / kDayMs == day_;
  nlohmann::json stats = {
      {"share", parts_.settings.audit.share},
      {"judge", parts_.judge != nullptr ? "model" : "measures"},
      {"sampled", hits_.size()},
      {"judged", hits.judged},
      {"different", hits.different},
      {"control",
       {{"sampled", controls_.size()},
        {"judged", control.judged},
        {"different", control.different}}},
      {"false_hit_rate", nullptr},
      {"interval", {estimate.interval.low, estimate.interval.high}},
      {"spent_usd", today ? spent_usd_ : 0.0},
      {"budget_usd", parts_.settings.audit.budget_usd},
      {"skipped", skipped_queue_ + skipped_budget_ + skipped_fault_},
      {"skipped_for",
       {{"queue", skipped_queue_}, {"budget", skipped_budget_}, {"fault", skipped_fault_}}}};
  if (hits.judged > 0) stats["false_hit_rate"] = estimate.rate;
  if (threshold_) stats["same_threshold"] = *threshold_;
  return stats;
}

}  // namespace reprise
