#include "store/background_sync.h"

#include <chrono>
#include <utility>

#include "base/log.h"

namespace reprise {
namespace {

// Writes that come within it share a sync.
constexpr std::chrono::milliseconds kGather{50};

}  // namespace

BackgroundSync::~BackgroundSync() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void BackgroundSync::Add(std::filesystem::path file) {
  std::lock_guard lock(mutex_);
  const bool idle = waiting_.empty();
  waiting_.files.insert(std::move(file));
  if (idle) wake_.notify_one();
}

void BackgroundSync::AddDirectory(std::filesystem::path directory) {
  std::lock_guard lock(mutex_);
  const bool idle = waiting_.empty();
  waiting_.directories.insert(std::move(directory));
  if (idle) wake_.notify_one();
}

void BackgroundSync::Flush() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  wake_.notify_one();
  idle_.wait(lock, [this] { return waiting_.empty() && !busy_; });
  hurry_ = false;
}

// What is gone by now has nothing to sync.
void BackgroundSync::Sync(const std::filesystem::path& path) {
  const auto synced = files_.Sync(path);
  if (synced) return;
  log::error("a power cut may take what was written last: {}", synced.error().message);
  if (errors_) ++*errors_;
}

void BackgroundSync::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    wake_.wait_for(lock, kGather, [this] { return stopping_ || hurry_; });
    const Paths paths = std::exchange(waiting_, {});
    busy_ = true;
    lock.unlock();
    for (const auto& file : paths.files) Sync(file);
    for (const auto& directory : paths.directories) Sync(directory);
    lock.lock();
    busy_ = false;
    idle_.notify_all();
  }
}

}  // namespace reprise
