// Compares images that were served, or would have been, with images generated for the request
// itself, and so measures how often a semantic hit is wrong. Works in the background on a few
// places of its own, behind every request that waits for the upstream, and within a budget.
//
// Without a judge images are measured (image/compare.h), and what their scores mean is learned from
// a control: now and then the entry's own prompt is generated again and compared the same way. With
// a judge the control measures the judge. Safe for any thread.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "base/async_semaphore.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "cache/audit_estimate.h"
#include "cache/error_learner.h"
#include "cache/generation.h"
#include "cache/library.h"
#include "cache/settings.h"
#include "cache/stats.h"
#include "store/trust_store.h"
#include "upstream/image_judge.h"

namespace reprise {

// A neighbour's image beside what its request wanted.
struct AuditCase {
  ObservationSource source = ObservationSource::kAudited;  // or kExplored
  Candidate candidate;
  std::uint64_t decision = 0;  // of the candidate's pool
  EntryPtr entry;
  StoredImage image;               // that was served, or would have been
  std::shared_ptr<const Job> job;  // the request
  SharedBytes generated;           // for an explored request; null: to be generated
};

class Audit {
 public:
  // All of them outlive the audit, and its tasks end before it (see under_way).
  struct Parts {
    TrustStore& store;
    Generation& generation;
    Library& library;
    CacheStats& stats;
    ImageJudge* judge = nullptr;  // none: images are measured
    WorkerPool& workers;
    const Clock& clock;
    asio::io_context& context;
    const CacheSettings& settings;
    std::function<double()> random;           // uniform in [0, 1)
    std::function<void(const Label&)> learn;  // a label for the error bound
  };
  explicit Audit(Parts parts);

  // Takes up what is stored. Once, before the other methods.
  Result<void> Load();

  // Starts comparing and returns at once; skips the case when too many wait or the day's budget
  // does not allow it.
  void Submit(AuditCase audit);

  // As documented for /v1/stats.
  nlohmann::json Stats() const;

  std::size_t under_way() const { return under_way_.load(); }

 private:
  // What a comparison found: a score, or a judge's word, or (a judge at a loss) neither.
  struct Finding {
    std::optional<double> score;
    std::optional<bool> same;
  };
  struct Waiting {  // for the control to say what its score means
    Candidate candidate;
    std::uint64_t decision = 0;
    double score = 0;
  };
  struct Images {
    std::string prompt;
    SharedBytes stored, generated;
  };
  enum class Skip { kQueue, kBudget, kFault };

  Task<> Run(std::shared_ptr<const AuditCase> audit);
  Task<Result<void>> Compare(std::shared_ptr<const AuditCase> audit);
  Task<Result<void>> CompareControl(std::shared_ptr<const AuditCase> audit);
  // Money that is spent, unless it is given back, and the day whose budget it is of.
  struct Charge {
    std::int64_t day;
    double usd;
  };
  // `image` is what was reserved for it.
  Task<Result<SharedBytes>> Generate(std::shared_ptr<const Job> job, StorePolicy policy,
                                     Charge image);
  Task<Result<Finding>> Look(Images images);
  Task<Result<Finding>> Measure(Images images);
  Task<Result<Finding>> Ask(Images images);
  Task<Result<void>> Record(StoredObservation observation);
  // An error when the budget does not allow it; else it is spent, and survives a crash.
  Task<Result<Charge>> Spend(double usd);
  Task<> GiveBack(Charge charge);

  void Take(const StoredObservation& observation);
  void LearnFrom(const StoredObservation& observation);
  std::optional<bool> LabelOf(const Finding& finding) const;  // under the lock
  bool WantsControl(ObservationSource source);
  double JudgeCost() const;
  void CountSkip(Skip skip);
  JudgedPairs Judged(const std::deque<Finding>& findings) const;  // under the lock

  const Parts parts_;
  AsyncSemaphore places_;
  std::atomic<std::size_t> under_way_ = 0;
  mutable std::mutex mutex_;
  std::deque<Finding> hits_, controls_;  // the newest
  std::deque<Waiting> waiting_;
  std::optional<double> threshold_;
  std::uint64_t since_control_ = 0;
  std::int64_t day_ = 0;
  double spent_usd_ = 0;  // on that day
  std::uint64_t skipped_queue_ = 0, skipped_budget_ = 0, skipped_fault_ = 0;
};

}  // namespace reprise
