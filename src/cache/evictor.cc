#include "cache/evictor.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"

namespace reprise {
namespace {

// How long storing waits for room.
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kLookAgain{1};
// After removals that did not free the disk.
constexpr std::int64_t kDiskBackOffMs = 300'000;

std::uint64_t HighMark(std::uint64_t limit) {
  return limit - limit / 100;
}
std::uint64_t LowMark(std::uint64_t limit) {
  return limit - limit / 50;
}

// What exceeds the low mark, once the high one is passed. 0: no limit.
std::uint64_t Above(std::uint64_t total, std::uint64_t limit) {
  return limit > 0 && total > HighMark(limit) ? total - LowMark(limit) : 0;
}

std::string Megabytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MB";
}

}  // namespace

EntryWorth WorthOf(const CachedEntry& entry) {
  const Entry& record = entry.record();
  EntryWorth worth{.cost_usd = record.cost_usd, .bytes = kEntryBytes};
  for (const StoredImage& image : record.images) worth.bytes += image.bytes;
  if (worth.cost_usd <= 0) {
    worth.cost_usd = static_cast<double>(record.generation_ms) / 1000 * kUsdPerSecond;
  }
  worth.cost_usd *= static_cast<double>(record.images.size());
  worth.uses = 1 + entry.usage().hits.load(std::memory_order_relaxed);
  worth.last_used_ms =
      std::max(entry.usage().last_used_ms.load(std::memory_order_relaxed), NewestImage(record));
  return worth;
}

EvictionCandidate CandidateOf(const CachedEntry& entry, const AgeingLevel& level,
                              std::int64_t now_ms) {
  const EntryWorth worth = WorthOf(entry);
  return {.young = now_ms - NewestImage(entry.record()) < kYoungMs,
          .priority = level.At(worth.last_used_ms) + ValueOf(worth),
          .entry = entry.record().id,
          .bytes = worth.bytes};
}

Evictor::Room::~Room() {
  if (!evictor_) return;
  evictor_->reserved_bytes_ -= bytes_;
  evictor_->reserved_entries_ -= entries_;
  evictor_->Announce();
}

Evictor::Waiting::Waiting(Evictor& evictor, std::uint64_t bytes) : evictor_(evictor) {
  std::lock_guard lock(evictor_.mutex_);
  place_ = evictor_.waiting_.insert(bytes);
}

Evictor::Waiting::~Waiting() {
  std::lock_guard lock(evictor_.mutex_);
  evictor_.waiting_.erase(place_);
}

std::uint64_t Evictor::StoredBytes() const {
  return parts_.library.image_bytes() + parts_.table.size() * kEntryBytes;
}

bool Evictor::Fits(const Room& room) const {
  const StorageLimits& limits = parts_.limits;
  const std::uint64_t entries = reserved_entries_ + room.entries_;
  const std::uint64_t bytes = reserved_bytes_ + room.bytes_ + entries * kEntryBytes;
  return (limits.max_bytes == 0 || StoredBytes() + bytes <= limits.max_bytes) &&
         (limits.max_entries == 0 || parts_.table.size() + entries <= limits.max_entries);
}

// Nothing: it has to wait for the change.
std::optional<Evictor::Event> Evictor::TryReserve(Room& room) {
  std::lock_guard lock(mutex_);
  if (!Fits(room)) return change_;
  reserved_bytes_ += room.bytes_;
  reserved_entries_ += room.entries_;
  room.evictor_ = this;
  return std::nullopt;
}

// Nothing: there is no floor, or nobody knows.
std::optional<std::uint64_t> Evictor::FreeDisk() const {
  if (!parts_.free_disk || parts_.limits.min_free_disk == 0) return std::nullopt;
  const auto free = parts_.free_disk();
  if (free) return *free;
  log::warn("the disk's free space is unknown: {}", free.error().message);
  return std::nullopt;
}

bool Evictor::DiskIsLow() const {
  const auto free = FreeDisk();
  return free && *free < parts_.limits.min_free_disk;
}

Task<Result<Evictor::Room>> Evictor::MakeRoom(std::uint64_t image_bytes, bool new_entry) {
  const std::uint64_t limit = parts_.limits.max_bytes;
  if (limit > 0 && image_bytes + kEntryBytes > limit) {
    co_return Fail(Code::kTooLarge, "an image of " + std::to_string(image_bytes) +
                                        " bytes does not fit into " + std::to_string(limit) +
                                        " bytes (setting cache.max_bytes)");
  }
  if (DiskIsLow()) {
    Kick();
    co_return Fail(Code::kUnavailable,
                   "less than " + Megabytes(parts_.limits.min_free_disk) +
                       " are free on the disk (setting cache.min_free_disk); free some, or move "
                       "the data directory");
  }
  Room room(image_bytes, new_entry ? 1 : 0);
  const Deadline deadline = After(kPatience);
  const Waiting waiting(*this, image_bytes);
  while (const auto change = TryReserve(room)) {
    if (std::chrono::steady_clock::now() >= deadline) co_return NoRoom();
    Kick();
    // Others make room too and tell nobody: a purge, above all.
    const auto changed = co_await (*change)->WaitUntil(std::min(deadline, After(kLookAgain)));
    if (!changed || *changed) continue;
    if (TryReserve(room)) co_return CannotRemove();
    break;  // some was made before it failed
  }
  co_return std::move(room);
}

std::unexpected<Error> Evictor::NoRoom() const {
  return Fail(Code::kOverloaded,
              "images come faster than stored ones can be removed; raise "
              "cache.max_bytes or cache.max_entries");
}

std::unexpected<Error> Evictor::CannotRemove() const {
  return Fail(Code::kUnavailable,
              "stored images could not be removed to make room; the log says why");
}

void Evictor::Kick() {
  if (stopped_ || !Measure().any()) return;
  {
    std::lock_guard lock(mutex_);
    again_ = running_;
    if (running_) return;
    running_ = true;
    ++tasks_;
  }
  Spawn(Strand(parts_.context), Run(), [this](std::exception_ptr) {
    --tasks_;  // the last use of this object
  });
}

Task<> Evictor::Run() {
  do {
    try {
      while (!stopped_ && co_await Pass()) Announce();
    } catch (const std::exception& error) {
      log::error("making room in the store: {}", error.what());
    }
  } while (!NoteEnd());
}

// False: somebody has asked again meanwhile.
bool Evictor::NoteEnd() {
  std::lock_guard lock(mutex_);
  if (again_ && !stopped_) {
    again_ = false;
    return false;
  }
  running_ = false;
  return true;
}

// What is reserved will be stored, and counts then.
Evictor::Excess Evictor::Measure() const {
  const std::uint64_t waiting = LargestWaiting();
  const std::uint64_t more = waiting > 0 ? 1 : 0;
  Excess excess{
      .bytes = Above(StoredBytes() + waiting + more * kEntryBytes, parts_.limits.max_bytes),
      .entries = Above(parts_.table.size() + more, parts_.limits.max_entries)};
  const std::uint64_t disk = MissingDisk();
  if (disk > excess.bytes) return {disk, excess.entries, Removal::kDisk};
  excess.why = excess.bytes > 0 ? Removal::kBytes : Removal::kEntries;
  return excess;
}

// With a margin, so that the next image does not need another pass. 0 when removing everything
// would not be enough: then something else fills the disk.
std::uint64_t Evictor::MissingDisk() const {
  if (parts_.clock.NowMs() < disk_retry_at_ms_) return 0;
  const auto free = FreeDisk();
  const std::uint64_t floor = parts_.limits.min_free_disk;
  if (!free || *free >= floor) return 0;
  if (*free + parts_.library.image_bytes() < floor) return 0;
  return floor - *free + floor / 20;
}

// False: nothing was removed.
Task<bool> Evictor::Pass() {
  if (!Measure().any()) co_return false;
  const auto start = std::chrono::steady_clock::now();
  const auto expired = co_await parts_.library.Sweep();
  if (expired) {
    parts_.stats.CountRemoved(Removal::kExpired, *expired);
  } else {
    log::error("removing what has expired: {}", expired.error().message);
  }
  const Excess excess = Measure();
  if (!excess.any()) co_return expired&&* expired > 0;
  auto victims = co_await Select(excess);
  if (!victims) {
    log::error("making room in the store: {}", victims.error().message);
    Announce(false);
    co_return false;
  }
  const bool removed = co_await RemoveVictims(std::move(*victims), excess.why);
  ++passes_;
  last_pass_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::steady_clock::now() - start)
                      .count();
  co_return removed;
}

Task<Result<std::vector<EvictionCandidate>>> Evictor::Select(Excess excess) {
  auto selection = std::make_shared<VictimSelection>(excess.bytes, excess.entries);
  const std::int64_t now_ms = parts_.clock.NowMs();
  for (std::size_t part = 0; part < EntryTable::kParts; ++part) {
    auto work = [this, selection, part, now_ms]() -> Result<void> {
      for (const EntryPtr& entry : parts_.table.Part(part)) {
        selection->Offer(CandidateOf(*entry, level_, now_ms));
      }
      return {};
    };
    const auto done = co_await parts_.workers.Run(std::move(work));
    if (!done) co_return std::unexpected(done.error());
  }
  co_return selection->Take();
}

Task<bool> Evictor::RemoveVictims(std::vector<EvictionCandidate> victims, Removal why) {
  const std::int64_t now_ms = parts_.clock.NowMs();
  const std::uint64_t free_before = FreeDisk().value_or(0);
  const std::uint64_t bytes_before = parts_.library.image_bytes();
  auto images = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::vector<std::uint64_t> ids;
  for (const EvictionCandidate& victim : victims) {
    ids.push_back(victim.entry);
    if (!victim.young) level_.RaiseTo(victim.priority, now_ms);
  }
  // Not what was made anew since it was selected.
  auto wanted = [now_ms, images](const Entry& entry) {
    if (NewestImage(entry) > now_ms) return false;
    *images += entry.images.size();
    return true;
  };
  const auto removed = co_await parts_.library.RemoveEntries(std::move(ids), std::move(wanted));
  if (!removed) {
    log::error("making room in the store: {}", removed.error().message);
    Announce(false);
    co_return false;
  }
  parts_.stats.CountRemoved(why, *images);
  const std::uint64_t bytes_after = parts_.library.image_bytes();
  const std::uint64_t freed = bytes_before - std::min(bytes_before, bytes_after);
  log::debug("{} entries with {} of images removed to make room", removed->size(),
             Megabytes(freed));
  if (why == Removal::kDisk) CheckThatDiskGrew(free_before, freed);
  co_return !removed->empty();
}

// Snapshots may hold on to what was removed; or something else takes it at once. Then removing more
// would only lose more.
void Evictor::CheckThatDiskGrew(std::uint64_t before, std::uint64_t removed) {
  const auto free = FreeDisk();
  if (!free || *free >= before + removed / 2 || *free >= parts_.limits.min_free_disk) return;
  disk_retry_at_ms_ = parts_.clock.NowMs() + kDiskBackOffMs;
  log::warn("the disk stays nearly full although {} of images were removed; trying again in {} min",
            Megabytes(removed), kDiskBackOffMs / 60'000);
}

std::uint64_t Evictor::LargestWaiting() const {
  std::lock_guard lock(mutex_);
  return waiting_.empty() ? 0 : *waiting_.rbegin();
}

// Wakes those who wait for room: there may be more, or nothing could be removed.
void Evictor::Announce(bool changed) {
  Event change = std::make_shared<AsyncValue<bool>>();
  {
    std::lock_guard lock(mutex_);
    change.swap(change_);
  }
  change->Set(changed);
}

nlohmann::json Evictor::ToJson() const {
  nlohmann::json json = {{"bytes", StoredBytes()},
                         {"max_bytes", parts_.limits.max_bytes},
                         {"entries", parts_.table.size()},
                         {"max_entries", parts_.limits.max_entries},
                         {"min_free_disk_bytes", parts_.limits.min_free_disk},
                         {"passes", passes_.load()},
                         {"last_pass_ms", last_pass_ms_.load()}};
  if (const auto free = FreeDisk()) json["free_disk_bytes"] = *free;
  return json;
}

}  // namespace reprise
