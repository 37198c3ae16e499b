// Makes files durable behind the caller's back, so that nobody waits for the disk: what is added
// reaches it within some 50 ms and the disk's own time. Safe for any thread.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "store/files.h"
#include "store/sync_mode.h"

namespace reprise {

class BackgroundSync {
 public:
  // `files` outlives this object. `errors` may be null: then failures are logged only.
  explicit BackgroundSync(Files& files, SyncErrors errors = nullptr)
      : files_(files), errors_(std::move(errors)), thread_([this] { Loop(); }) {}
  ~BackgroundSync();  // syncs what was added
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;

  // A file that was written, and perhaps the directory that names it. Files are synced before
  // directories. One that is gone by then is left out; a failure is logged and counted.
  void Add(std::filesystem::path file);
  void AddDirectory(std::filesystem::path directory);

  // Returns when everything added before is durable, or has failed to be.
  void Flush();

 private:
  struct Paths {
    std::set<std::filesystem::path> files, directories;
    bool empty() const { return files.empty() && directories.empty(); }
  };
  void Loop();
  void Sync(const std::filesystem::path& path);

  Files& files_;
  const SyncErrors errors_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  Paths waiting_;
  bool busy_ = false, hurry_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace reprise
