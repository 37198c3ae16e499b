#include "cache/reembedding.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace reprise {
namespace {

// A remote embedder is asked for so many prompts at once; a built-in one shares the I/O threads
// with requests, which then wait behind at most as many prompts, some 50 us each.
constexpr std::size_t kLanes = 8;
// Vectors that one transaction writes.
constexpr std::size_t kBatch = 16;
// Nobody waits for these.
constexpr std::chrono::seconds kReembeddingPatience{60};

constexpr std::int64_t kFirstBackOffMs = 10'000;
constexpr std::int64_t kMaxBackOffMs = 300'000;

// Whether the embedder refuses this prompt, rather than being away.
bool IsAboutThePrompt(const Error& error) {
  return error.code == Code::kInvalidArgument || error.code == Code::kTooLarge ||
         error.code == Code::kForbidden;
}

}  // namespace

bool Reembedding::Halted() const {
  return stopped_ || parts_.clock.NowMs() < retry_at_ms_;
}

void Reembedding::Kick() {
  // Outside the lock: a lane may run here until it first waits.
  for (std::size_t lanes = LanesToStart(); lanes > 0; --lanes) {
    Spawn(Strand(parts_.context), Lane(), [this](std::exception_ptr) {
      NoteEnd();
      --tasks_;  // the last use of this object
    });
  }
}

std::size_t Reembedding::LanesToStart() {
  const std::size_t waiting = parts_.backlog.waiting();
  std::lock_guard lock(mutex_);
  if (lanes_ > 0) {
    const auto progress = parts_.backlog.progress();
    log::info("embedding stored prompts: {} of {} done, {} failed", progress.done, progress.total,
              progress.failed);
    return 0;
  }
  if (waiting == 0 || Halted()) return 0;
  log::info("{} stored prompts have no vector of {} yet; embedding them in the background", waiting,
            parts_.embedder);
  started_ = std::chrono::steady_clock::now();
  lanes_ = std::min(kLanes, waiting);
  tasks_ += lanes_;
  return lanes_;
}

void Reembedding::NoteEnd() {
  std::lock_guard lock(mutex_);
  if (--lanes_ == 0 && parts_.backlog.waiting() == 0) {
    const auto progress = parts_.backlog.progress();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_;
    log::info("stored prompts are embedded: {} of {} ({} failed), the last in {:.1f} s",
              progress.done, progress.total, progress.failed, took.count());
  }
}

Task<> Reembedding::Lane() {
  while (!Halted()) {
    auto entries = parts_.backlog.Take(kBatch);
    if (entries.empty()) co_return;
    co_await WorkOff(std::move(entries));
  }
}

Task<> Reembedding::WorkOff(std::vector<std::uint64_t> entries) {
  const Executor executor = co_await asio::this_coro::executor;
  Vectors vectors;
  for (std::uint64_t id : entries) {
    if (Halted()) {
      parts_.backlog.Return(id);
      continue;
    }
    co_await EmbedInto(id, vectors);
    co_await asio::post(executor, asio::use_awaitable);  // requests first
  }
  if (!vectors.empty()) co_await Keep(std::move(vectors));
}

Task<> Reembedding::EmbedInto(std::uint64_t id, Vectors& vectors) {
  const EntryPtr entry = parts_.table.FindById(id);
  if (!entry || entry->usage().indexed) {  // removed, or made again meanwhile
    parts_.backlog.Done(id);
    co_return;
  }
  // Not the entry's own analysis, which would stay in memory.
  auto prompt = std::make_shared<const Prompt>(Analyze(entry->record().prompt));
  const auto embedding = co_await parts_.embedding.Embed(std::move(prompt), kReembeddingPatience);
  if (embedding) {
    vectors.push_back({id, {parts_.embedder, ToHalf(*embedding)}});
  } else if (IsAboutThePrompt(embedding.error())) {
    log::warn("entry {} stays without a vector until a restart: {}", id, embedding.error().message);
    parts_.backlog.Fail(id);
  } else {
    parts_.backlog.Return(id);
    BackOff();
  }
}

Task<> Reembedding::Keep(Vectors vectors) {
  std::vector<std::uint64_t> ids;
  for (const EntryVector& vector : vectors) ids.push_back(vector.entry);
  const auto kept = co_await parts_.library.SetVectors(std::move(vectors));
  if (!kept) {
    log::warn("vectors of stored prompts could not be written: {}", kept.error().message);
    for (std::uint64_t id : ids) parts_.backlog.Return(id);
    BackOff();
    co_return;
  }
  bool later = false;
  for (std::uint64_t id : ids) {
    const EntryPtr entry = parts_.table.FindById(id);
    if (!entry || entry->usage().indexed) {
      parts_.backlog.Done(id);
    } else if (kept->contains(id)) {
      parts_.backlog.Fail(id);
    } else {
      parts_.backlog.Return(id);
      later = true;
    }
  }
  if (later) {
    BackOff();
    co_return;
  }
  std::lock_guard lock(mutex_);
  failures_ = 0;
}

void Reembedding::BackOff() {
  std::lock_guard lock(mutex_);
  if (parts_.clock.NowMs() < retry_at_ms_) return;  // another lane's failure, at the same time
  const std::int64_t wait = std::min(kMaxBackOffMs, kFirstBackOffMs << std::min(failures_, 10));
  ++failures_;
  retry_at_ms_ = parts_.clock.NowMs() + wait;
}

nlohmann::json Reembedding::ToJson() const {
  const auto progress = parts_.backlog.progress();
  return {{"embedder", parts_.embedder},
          {"total", progress.total},
          {"done", progress.done},
          {"failed", progress.failed}};
}

}  // namespace reprise
