#include "gateway/runpod_jobs.h"

#include <algorithm>
#include <iterator>

namespace reprise {
namespace {

std::chrono::milliseconds Millis(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

}  // namespace

RunPodJob::RunPodJob(std::string id, std::string tenant, std::string endpoint, bool as_url,
                     Time now)
    : id_(std::move(id)),
      tenant_(std::move(tenant)),
      endpoint_(std::move(endpoint)),
      as_url_(as_url),
      created_(now) {}

bool RunPodJob::Start(Time now) {
  std::lock_guard lock(mutex_);
  if (status_ != RunPodStatus::kInQueue) return false;
  status_ = RunPodStatus::kInProgress;
  started_ = now;
  return true;
}

bool RunPodJob::Finish(Answer answer, Time now) {
  {
    std::lock_guard lock(mutex_);
    if (ended_ != Time::max()) return false;
    status_ = answer.reply ? RunPodStatus::kCompleted : RunPodStatus::kFailed;
    answer_ = std::make_shared<const Answer>(std::move(answer));
    ended_ = now;
  }
  end_.Set(true);
  return true;
}

bool RunPodJob::Cancel(Time now) {
  {
    std::lock_guard lock(mutex_);
    if (ended_ != Time::max()) return false;
    if (status_ == RunPodStatus::kInQueue) started_ = now;
    status_ = RunPodStatus::kCancelled;
    ended_ = now;
  }
  end_.Set(true);
  return true;
}

RunPodJob::Time RunPodJob::ended_at() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

std::size_t RunPodJob::bytes() const {
  std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  if (!answer_ || !answer_->reply) return 0;
  for (const ServedImage& image : answer_->reply->images) {
    if (image.bytes) bytes += image.bytes->size();
  }
  return bytes;
}

http::Response RunPodJob::Write(const ImageLinks& links, Time now) const {
  RunPodJobView view{.id = id_, .as_url = as_url_};
  std::shared_ptr<const Answer> answer;
  {
    std::lock_guard lock(mutex_);
    answer = answer_;
    view.status = status_;
    if (status_ != RunPodStatus::kInQueue) {
      view.delay = Millis(started_ - created_);
      view.execution = Millis(std::min(ended_, now) - started_);
    }
  }
  view.answer = answer.get();
  return WriteRunPodJob(view, links);
}

bool RunPodJobs::IsOld(const RunPodJob& job, RunPodJob::Time now) const {
  const auto ended = job.ended_at();
  return ended != RunPodJob::Time::max() && now - ended >= limits_.kept;
}

RunPodJobs::EndedByTenant::iterator RunPodJobs::DropFirst(EndedByTenant::iterator tenant) {
  Ended& ended = tenant->second;
  const std::size_t bytes = ended.jobs.front()->bytes();
  ended.bytes -= bytes;
  bytes_ -= bytes;
  jobs_.erase(ended.jobs.front()->id());
  ended.jobs.pop_front();
  return ended.jobs.empty() ? ended_.erase(tenant) : tenant;
}

void RunPodJobs::DropOld(RunPodJob::Time now) {
  for (auto tenant = ended_.begin(); tenant != ended_.end();) {
    tenant = IsOld(*tenant->second.jobs.front(), now) ? DropFirst(tenant) : std::next(tenant);
  }
}

Result<void> RunPodJobs::Add(const RunPodJobPtr& job, RunPodJob::Time now) {
  std::lock_guard lock(mutex_);
  DropOld(now);
  if (jobs_.size() >= limits_.jobs) {
    const auto count = [](const auto& tenant) { return tenant.second.jobs.size(); };
    const auto most = std::ranges::max_element(ended_, {}, count);
    if (most == ended_.end()) {
      return std::unexpected(Error{.code = Code::kOverloaded,
                                   .message = "too many jobs are under way; try again later",
                                   .retry_after_ms = 1000});
    }
    DropFirst(most);
  }
  jobs_[job->id()] = job;
  return {};
}

void RunPodJobs::NoteEnd(const RunPodJobPtr& job, RunPodJob::Time now) {
  std::lock_guard lock(mutex_);
  Ended& own = ended_[job->tenant()];
  own.jobs.push_back(job);
  own.bytes += job->bytes();
  bytes_ += job->bytes();
  DropOld(now);
  while (bytes_ > limits_.bytes) {
    // The newest stays, whatever its size.
    const auto bytes = [&job](const auto& tenant) {
      return tenant.second.jobs.front() == job ? 0 : tenant.second.bytes;
    };
    const auto most = std::ranges::max_element(ended_, {}, bytes);
    if (bytes(*most) == 0) break;
    DropFirst(most);
  }
}

RunPodJobPtr RunPodJobs::Find(const std::string& id, RunPodJob::Time now) const {
  std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  return found == jobs_.end() || IsOld(*found->second, now) ? nullptr : found->second;
}

std::size_t RunPodJobs::size() const {
  std::lock_guard lock(mutex_);
  return jobs_.size();
}

}  // namespace reprise
