// Keeps what is stored within its limits (StorageLimits), behind the requests: when a total comes
// within 1 % of its limit, the entries that are worth least are removed until 2 % are free, the
// expired ones first. Which ones those are, cache/eviction.h says.
//
// No request waits for that, unless images come faster than others go and there is no room at all:
// then storing waits, and what finds no room in time is served without being stored. So the totals
// never exceed the limits. Below the floor of free disk nothing is stored until there is more.
// Safe for any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/async_value.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "cache/eviction.h"
#include "cache/library.h"
#include "cache/settings.h"
#include "cache/stats.h"

namespace reprise {

// What an entry takes beside its images: its row, its vector, its place in the indexes, and the
// rest of its files' last blocks. An estimate.
inline constexpr std::uint64_t kEntryBytes = 4096;

// For images that cost no money, a second of waiting for one is worth that, which is about what
// a second of a large GPU costs.
inline constexpr double kUsdPerSecond = 0.001;

// Images that were made in that time go last: whoever asked for them may be fetching them only now.
inline constexpr std::int64_t kYoungMs = 60'000;

// How an entry is judged at `now_ms`.
EntryWorth WorthOf(const CachedEntry& entry);
EvictionCandidate CandidateOf(const CachedEntry& entry, const AgeingLevel& level,
                              std::int64_t now_ms);

class Evictor {
 public:
  // All of them outlive this object, and this object its tasks (see under_way).
  struct Parts {
    Library& library;
    const EntryTable& table;
    CacheStats& stats;
    WorkerPool& workers;
    asio::io_context& context;
    const Clock& clock;
    StorageLimits limits;
    std::function<Result<std::uint64_t>()> free_disk;  // bytes; none: there is no floor
  };
  explicit Evictor(Parts parts) : parts_(std::move(parts)) {}

  // Room for images that are about to be stored; what was stored counts by itself, so it is given
  // back after that.
  class Room {
   public:
    Room(Room&& other) noexcept
        : evictor_(std::exchange(other.evictor_, nullptr)),
          bytes_(other.bytes_),
          entries_(other.entries_) {}
    Room& operator=(Room&&) = delete;
    ~Room();

   private:
    friend class Evictor;
    Room(std::uint64_t bytes, std::uint64_t entries) : bytes_(bytes), entries_(entries) {}
    Evictor* evictor_ = nullptr;  // once it is reserved
    std::uint64_t bytes_, entries_;
  };
  // For so many bytes of images. kUnavailable when the disk is nearly full, kTooLarge when they
  // never fit, kOverloaded when there was no room within some seconds.
  Task<Result<Room>> MakeRoom(std::uint64_t image_bytes, bool new_entry);

  // Starts a pass in the background, if one is due and none is under way. After every change, and
  // now and then.
  void Kick();

  // From now on nothing new is begun.
  void Stop() { stopped_ = true; }

  // Tasks that have not ended.
  std::size_t under_way() const { return tasks_.load(); }

  // {bytes, max_bytes, entries, max_entries, free_disk_bytes, min_free_disk, passes, last_pass_ms}
  nlohmann::json ToJson() const;

 private:
  // What has to go.
  struct Excess {
    std::uint64_t bytes = 0, entries = 0;
    Removal why = Removal::kBytes;
    bool any() const { return bytes > 0 || entries > 0; }
  };
  using Event = std::shared_ptr<AsyncValue<bool>>;
  // While it lives, somebody waits for room.
  class Waiting {
   public:
    Waiting(Evictor& evictor, std::uint64_t bytes);
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting();

   private:
    Evictor& evictor_;
    std::multiset<std::uint64_t>::iterator place_;
  };

  std::uint64_t StoredBytes() const;
  bool Fits(const Room& room) const;  // beside what is stored and what is reserved
  std::optional<Event> TryReserve(Room& room);
  std::unexpected<Error> NoRoom() const;
  std::unexpected<Error> CannotRemove() const;
  std::uint64_t LargestWaiting() const;
  std::optional<std::uint64_t> FreeDisk() const;
  bool DiskIsLow() const;
  Excess Measure() const;
  std::uint64_t MissingDisk() const;
  Task<> Run();
  Task<bool> Pass();
  Task<Result<std::vector<EvictionCandidate>>> Select(Excess excess);
  Task<bool> RemoveVictims(std::vector<EvictionCandidate> victims, Removal why);
  void CheckThatDiskGrew(std::uint64_t before, std::uint64_t removed);
  bool NoteEnd();
  void Announce(bool changed = true);

  const Parts parts_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::size_t> tasks_ = 0;
  std::atomic<std::uint64_t> reserved_bytes_ = 0, reserved_entries_ = 0;
  std::atomic<std::uint64_t> passes_ = 0;
  std::atomic<std::int64_t> last_pass_ms_ = 0;
  std::atomic<std::int64_t> disk_retry_at_ms_ = 0;
  AgeingLevel level_;  // the pass's own; passes exclude each other
  mutable std::mutex mutex_;
  bool running_ = false, again_ = false;
  std::multiset<std::uint64_t> waiting_;  // the image bytes of each who waits for room
  Event change_ = std::make_shared<AsyncValue<bool>>();  // set when there may be more room
};

}  // namespace reprise
