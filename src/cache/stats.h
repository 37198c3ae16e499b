// Counters since the start. Safe for any thread; counting is a few relaxed atomic additions.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/reader_slots.h"
#include "cache/decision.h"

namespace reprise {

// Durations in logarithmic buckets, four to a doubling: a quantile is off by at most 19 %.
class LatencyHistogram {
 public:
  void Record(std::int64_t micros);
  std::uint64_t count() const;
  // The upper edge of the bucket that holds the q-quantile, in microseconds; 0 when empty.
  double Quantile(double q) const;
  // {"count", "seconds" (their sum), "buckets": [[upper bound in seconds, count up to it], ...]}.
  nlohmann::json ToJson() const;

 private:
  static constexpr int kBuckets = 160;  // 1 us to 2^40 us
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::int64_t> sum_micros_ = 0;
};

// Why stored images went, other than by request.
enum class Removal { kExpired, kBytes, kEntries, kDisk };
// Why an image that should be stored was not.
enum class NotStored { kDisk, kFull, kError };
// What failed when a request went on without it.
enum class Part { kEmbedding, kStore, kBlobs };

class CacheStats {
 public:
  void CountReply(const Decision& decision, std::int64_t micros);
  void CountError();
  void CountUpstream(std::uint64_t images, double cost_usd, std::int64_t millis);
  void CountUpstreamError();
  // Spent on something else than images: an audit's judge.
  void CountSpending(double usd);
  void CountRemoved(Removal why, std::uint64_t images) {
    removed_[static_cast<std::size_t>(why)].fetch_add(images, std::memory_order_relaxed);
  }
  void CountNotStored(NotStored why, std::uint64_t images) {
    not_stored_[static_cast<std::size_t>(why)].fetch_add(images, std::memory_order_relaxed);
  }
  // Why the last image that should have been stored was not; empty: it was.
  void NoteStored(std::string error);
  std::string store_error() const;
  void CountDegraded(Part part) {
    degraded_[static_cast<std::size_t>(part)].fetch_add(1, std::memory_order_relaxed);
  }

  // "histograms" is for monitoring, not for people.
  nlohmann::json ToJson() const;

 private:
  nlohmann::json HistogramsJson() const;
  // exact, semantic, inflight, miss, bypass, refresh
  static constexpr std::size_t kKinds = 6;
  static std::size_t KindOf(const Decision& decision);

  std::array<std::atomic<std::uint64_t>, kKinds> replies_{};
  std::array<LatencyHistogram, kKinds> latency_;
  std::array<std::atomic<std::uint64_t>, 4> removed_{};
  std::array<std::atomic<std::uint64_t>, 3> not_stored_{};
  std::atomic<std::uint64_t> errors_ = 0;
  std::atomic<std::uint64_t> upstream_calls_ = 0, upstream_images_ = 0, upstream_errors_ = 0;
  std::array<std::atomic<std::uint64_t>, 3> degraded_{};
  LatencyHistogram upstream_latency_;
  std::atomic<std::int64_t> saved_micro_usd_ = 0, spent_micro_usd_ = 0;
  mutable std::mutex store_error_mutex_;
  std::string store_error_;
};

// The counters of each tenant. A look-up takes no lock; the first one of a tenant does.
class TenantStats {
 public:
  TenantStats();

  // Lives as long as this object.
  CacheStats& Of(const std::string& tenant);

  // What a tenant may know of itself; all zeros for one that has asked for nothing yet.
  nlohmann::json ToJson(const std::string& tenant) const;

 private:
  using Table = std::unordered_map<std::string, CacheStats*>;
  CacheStats* Find(const std::string& tenant) const;

  ReaderSlots<Table> table_;
  std::mutex mutex_;  // of those who add
  std::vector<std::unique_ptr<CacheStats>> owned_;
};

}  // namespace reprise
