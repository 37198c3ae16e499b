// The jobs of the RunPod surface: in memory, bounded, kept for 30 minutes after they have ended.
// Safe for any thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/async_value.h"
#include "base/result.h"
#include "cache/image_cache.h"
#include "gateway/runpod_protocol.h"

namespace reprise {

// One job; shared by its task and those who ask for it.
class RunPodJob {
 public:
  using Time = std::chrono::steady_clock::time_point;

  RunPodJob(std::string id, std::string tenant, std::string endpoint, bool as_url, Time now);

  const std::string& id() const { return id_; }
  const std::string& tenant() const { return tenant_; }
  bool BelongsTo(const std::string& tenant, const std::string& endpoint) const {
    return tenant_ == tenant && endpoint_ == endpoint;
  }

  // False, and without effect, when the job has ended already.
  bool Start(Time now);
  bool Finish(Answer answer, Time now);
  bool Cancel(Time now);

  // Time::max() while it has not ended.
  Time ended_at() const;
  // Bytes of images that it holds.
  std::size_t bytes() const;

  // Resolves when the job has ended.
  AsyncValue<bool>& end() { return end_; }

  http::Response Write(const ImageLinks& links, Time now) const;

 private:
  const std::string id_, tenant_, endpoint_;
  const bool as_url_;
  const Time created_;
  mutable std::mutex mutex_;
  RunPodStatus status_ = RunPodStatus::kInQueue;
  Time started_{}, ended_ = Time::max();
  std::shared_ptr<const Answer> answer_;
  AsyncValue<bool> end_;
};

using RunPodJobPtr = std::shared_ptr<RunPodJob>;

struct RunPodJobLimits {
  std::size_t jobs = 10'000;
  std::size_t bytes = 256u << 20;  // of images that ended jobs hold
  std::chrono::minutes kept{30};   // after the end
};

class RunPodJobs {
 public:
  explicit RunPodJobs(RunPodJobLimits limits = {}) : limits_(limits) {}

  // Takes the job in. Where there are too many, one that has ended makes room, however young: the
  // first of the tenant with the most of them. kOverloaded when all are under way.
  Result<void> Add(const RunPodJobPtr& job, RunPodJob::Time now);

  // Once for each job, by whoever ended it. Those that ended first go when they are too old or, of
  // the tenant with the most bytes, when all together hold too much.
  void NoteEnd(const RunPodJobPtr& job, RunPodJob::Time now);

  // Null: there is none, or it ended too long ago.
  RunPodJobPtr Find(const std::string& id, RunPodJob::Time now) const;

  std::size_t size() const;

 private:
  // Of one tenant; never empty.
  struct Ended {
    std::deque<RunPodJobPtr> jobs;  // the first to end in front
    std::size_t bytes = 0;
  };
  using EndedByTenant = std::map<std::string, Ended>;

  bool IsOld(const RunPodJob& job, RunPodJob::Time now) const;
  void DropOld(RunPodJob::Time now);
  // Drops the first; what follows the tenant, if that was its last.
  EndedByTenant::iterator DropFirst(EndedByTenant::iterator tenant);

  const RunPodJobLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, RunPodJobPtr> jobs_;
  EndedByTenant ended_;
  std::size_t bytes_ = 0;  // of those that have ended
};

}  // namespace reprise
