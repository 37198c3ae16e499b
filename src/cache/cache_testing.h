// What the tests of the cache share: real stores in a directory of their own behind wrappers that
// fail on request, an upstream that does as told, and a whole cache on a clock the test moves.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "base/async_value.h"
#include "base/clock.h"
#include "base/io_threads.h"
#include "base/worker_pool.h"
#include "cache/image_cache.h"
#include "store/faulty_disk_testing.h"

namespace reprise {

inline constexpr char kFox[] = "a red fox in the snow";
inline constexpr char kSameFox[] = "please draw a red fox in the snow";
inline constexpr char kBlueFox[] = "a blue fox in the snow";

ImageRequest With(ImageRequest request, const std::function<void(ImageRequest&)>& change);

// "hit exact", "miss", "error: overloaded" and so on.
std::string Kind(const Answer& answer);

// The bytes of each of its images; none of an error.
std::vector<std::string> AnswerBytes(const Answer& answer);

// What a helper cannot do without; throws its error.
template <class T>
T Take(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Runs all tasks at once, each on a strand of its own; results in the order of the tasks.
template <class T>
std::vector<T> RunAll(asio::io_context& context, std::vector<Task<T>> tasks) {
  std::vector<std::future<T>> futures;
  for (auto& task : tasks) {
    auto promise = std::make_shared<std::promise<T>>();
    futures.push_back(promise->get_future());
    Spawn(Strand(context), detail::Fulfil(std::move(task), promise), [](std::exception_ptr) {});
  }
  std::vector<T> results;
  for (auto& future : futures) results.push_back(future.get());
  return results;
}

using Gate = std::shared_ptr<AsyncValue<bool>>;
inline Gate MakeGate() {
  return std::make_shared<AsyncValue<bool>>();
}

// Which calls fail with kUnavailable, and how many there were. Safe for any thread.
struct StoreFaults {
  std::atomic<bool> put = false, get = false, remove = false, use = false, vectors = false;
  std::atomic<int> puts = 0, gets = 0, removes = 0, vector_puts = 0;
  std::atomic<int> use_writes = 0, used_rows = 0;

  // Removals wait until the gate is set.
  void HoldRemovals(Gate gate);
  Gate removal_gate() const;

 private:
  mutable std::mutex mutex_;
  Gate removal_gate_;
};

std::unique_ptr<BlobStore> MakeFaultyBlobStore(std::unique_ptr<BlobStore> store,
                                               std::shared_ptr<StoreFaults> faults);
std::unique_ptr<EntryStore> MakeFaultyEntryStore(std::unique_ptr<EntryStore> store,
                                                 std::shared_ptr<StoreFaults> faults);

struct EmbedderFaults {
  std::atomic<bool> embed = false;
  std::atomic<int> embeds = 0;
  std::atomic<bool> refuse = false;              // with kInvalidArgument
  std::atomic<bool> unknown_dimensions = false;  // until a vector has been seen
  std::atomic<std::size_t> dimensions = 0;       // gives only so many, when not 0

  // Calls wait until the gate is set, as those of a remote embedder do.
  void Hold(Gate gate);
  Gate gate() const;

 private:
  mutable std::mutex mutex_;
  Gate gate_;
};
// The built-in embedder; under another identity, if one is given, its vectors are others too.
std::unique_ptr<Embedder> MakeFaultyEmbedder(std::shared_ptr<EmbedderFaults> faults,
                                             std::string identity = "");

// A real image that no other call gives.
std::string UniqueImage(int width, int height);

// What the scripted upstream does and did. Safe for any thread.
class UpstreamScript {
 public:
  using Answer = std::function<Result<Generated>(const GenerateRequest&)>;

  // Replaces the default, which is one new image per image asked for.
  void SetAnswer(Answer answer);
  // Calls wait until the gate is set.
  void Hold(Gate gate);

  Task<Result<Generated>> Run(GenerateRequest request);

  std::vector<GenerateRequest> calls() const;
  int images_made() const;
  // The images made since the last call of this, with what they were made for.
  std::vector<std::pair<SharedBytes, GenerateRequest>> TakeMade();
  // The prompt these bytes were made for, or "".
  std::string PromptOf(const std::string& bytes) const;

  // The default answer.
  static Result<Generated> Draw(const GenerateRequest& request);

 private:
  mutable std::mutex mutex_;
  Answer answer_ = Draw;
  Gate gate_;
  std::vector<GenerateRequest> calls_;
  std::map<std::string, std::string> prompts_;  // by bytes
  std::vector<std::pair<SharedBytes, GenerateRequest>> made_;
};

std::unique_ptr<ImageGenerator> MakeScriptedGenerator(std::shared_ptr<UpstreamScript> script);

// A request for one 32 x 32 image.
ImageRequest Ask(std::string prompt);

// An image cache with everything around it.
class TestCache {
 public:
  // Its stores are on `disk`, if one is given.
  explicit TestCache(CacheSettings settings = {}, std::shared_ptr<FaultyDisk> disk = nullptr,
                     SyncMode sync = SyncMode::kBehind);
  // Waits for the tasks under way.
  ~TestCache();

  // Closes the cache and its stores, and opens them again on what they hold.
  void Reopen();
  void Reopen(CacheSettings settings);
  // The same after a power cut: the disk, which has to be a faulty one, forgets what was not
  // synced.
  void Crash();
  // The same, under another embedder identity.
  void ReopenWithEmbedder(std::string identity);

  Answer Handle(ImageRequest request);
  std::vector<Answer> HandleAll(const std::vector<ImageRequest>& requests);
  // Starts a request without waiting for it.
  std::future<Answer> Start(ImageRequest request);
  Result<ServedImage> Image(std::string name, std::optional<std::string> tenant = {});
  Result<void> Maintain();
  void WaitUntilIdle();
  template <class T>
  T Run(Task<T> task) {
    return RunTask(io_.context(), std::move(task));
  }

  ImageCache& cache() { return *cache_; }
  int calls() const { return static_cast<int>(upstream->calls().size()); }  // of the upstream
  FaultyDisk* disk() { return disk_.get(); }
  std::filesystem::path blob_path() const { return directory_.path() / "blobs"; }
  std::filesystem::path database_path() const { return directory_.path() / "entries.db"; }
  std::filesystem::path snapshot_path() const { return directory_.path() / "snapshots"; }
  // Image files in the blob store.
  std::vector<std::filesystem::path> BlobFiles() const;
  // Rows in the entry store.
  std::vector<Entry> Rows() const;

  ManualClock clock;
  std::shared_ptr<StoreFaults> blob_faults = std::make_shared<StoreFaults>();
  std::shared_ptr<StoreFaults> entry_faults = std::make_shared<StoreFaults>();
  std::shared_ptr<EmbedderFaults> embedder_faults = std::make_shared<EmbedderFaults>();
  std::shared_ptr<UpstreamScript> upstream = std::make_shared<UpstreamScript>();
  // What the cache takes for the disk's free bytes.
  std::shared_ptr<std::atomic<std::uint64_t>> free_disk =
      std::make_shared<std::atomic<std::uint64_t>>(1ULL << 40);
  // Used from the next Reopen.
  std::uint64_t snapshot_least_changes = 10'000;
  std::function<double()> random;
  std::function<std::unique_ptr<ImageJudge>()> make_judge;

 private:
  void Open();
  void Close();

  ScratchDirectory directory_;
  const std::shared_ptr<FaultyDisk> disk_;
  const SyncMode sync_;
  CacheSettings settings_;
  std::string embedder_identity_;
  IoThreads io_{2};
  WorkerPool workers_{2, 10'000};
  EntryStore* entries_ = nullptr;  // the cache's own
  std::unique_ptr<ImageCache> cache_;
};

}  // namespace reprise
