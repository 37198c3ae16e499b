#include "cache/stats.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace reprise {
namespace {

constexpr double kPerDoubling = 4;
// More than threads that count at once: one that finds no slot would wait for another.
constexpr std::size_t kReaders = 128;
constexpr const char* kKindNames[] = {"exact", "semantic", "inflight", "miss", "bypass", "refresh"};

std::int64_t MicroUsd(double usd) {
  return std::llround(usd * 1e6);
}

}  // namespace

void LatencyHistogram::Record(std::int64_t micros) {
  const double clamped = std::max<double>(1, static_cast<double>(micros));
  const int bucket =
      std::min<int>(kBuckets - 1, static_cast<int>(std::log2(clamped) * kPerDoubling));
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_micros_.fetch_add(micros, std::memory_order_relaxed);
}

std::uint64_t LatencyHistogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

double LatencyHistogram::Quantile(double q) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count())));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size() && wanted > 0; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= wanted) return std::exp2(static_cast<double>(i + 1) / kPerDoubling);
  }
  return 0;
}

nlohmann::json LatencyHistogram::ToJson() const {
  // Every second doubling from 64 us to 268 s, whose edges are those of our own buckets.
  constexpr int kFirst = 6, kLast = 28, kStep = 2;
  auto buckets = nlohmann::json::array();
  std::uint64_t seen = 0;
  int at = 0;
  for (int power = kFirst; power <= kLast; power += kStep) {
    for (; at < power * static_cast<int>(kPerDoubling); ++at) {
      seen += buckets_[static_cast<std::size_t>(at)].load(std::memory_order_relaxed);
    }
    buckets.push_back({std::ldexp(1e-6, power), seen});
  }
  for (; at < kBuckets; ++at) {
    seen += buckets_[static_cast<std::size_t>(at)].load(std::memory_order_relaxed);
  }
  return {{"count", seen},
          {"seconds", static_cast<double>(sum_micros_.load(std::memory_order_relaxed)) / 1e6},
          {"buckets", std::move(buckets)}};
}

std::size_t CacheStats::KindOf(const Decision& decision) {
  switch (decision.outcome) {
    case Outcome::kHit:
      return decision.type == HitType::kExact ? 0 : decision.type == HitType::kSemantic ? 1 : 2;
    case Outcome::kMiss:
      return 3;
    case Outcome::kBypass:
      return 4;
    case Outcome::kRefresh:
      return 5;
  }
  return 3;
}

void CacheStats::CountReply(const Decision& decision, std::int64_t micros) {
  const std::size_t kind = KindOf(decision);
  replies_[kind].fetch_add(1, std::memory_order_relaxed);
  latency_[kind].Record(micros);
  saved_micro_usd_.fetch_add(MicroUsd(decision.saved_usd), std::memory_order_relaxed);
}

void CacheStats::NoteStored(std::string error) {
  std::lock_guard lock(store_error_mutex_);
  store_error_ = std::move(error);
}

std::string CacheStats::store_error() const {
  std::lock_guard lock(store_error_mutex_);
  return store_error_;
}

void CacheStats::CountError() {
  errors_.fetch_add(1, std::memory_order_relaxed);
}

void CacheStats::CountUpstream(std::uint64_t images, double cost_usd, std::int64_t millis) {
  upstream_calls_.fetch_add(1, std::memory_order_relaxed);
  upstream_images_.fetch_add(images, std::memory_order_relaxed);
  upstream_latency_.Record(millis * 1000);
  spent_micro_usd_.fetch_add(MicroUsd(cost_usd), std::memory_order_relaxed);
}

void CacheStats::CountSpending(double usd) {
  spent_micro_usd_.fetch_add(MicroUsd(usd), std::memory_order_relaxed);
}

void CacheStats::CountUpstreamError() {
  upstream_calls_.fetch_add(1, std::memory_order_relaxed);
  upstream_errors_.fetch_add(1, std::memory_order_relaxed);
}

nlohmann::json CacheStats::HistogramsJson() const {
  nlohmann::json requests = nlohmann::json::object();
  for (std::size_t i = 0; i < kKinds; ++i) requests[kKindNames[i]] = latency_[i].ToJson();
  return {{"requests", std::move(requests)},
          {"upstream", upstream_latency_.ToJson()},
          {"degraded",
           {{"embedding", degraded_[0].load()},
            {"store", degraded_[1].load()},
            {"blobs", degraded_[2].load()}}}};
}

nlohmann::json CacheStats::ToJson() const {
  nlohmann::json requests = nlohmann::json::object(), latency = nlohmann::json::object();
  std::uint64_t total = 0, hits = 0;
  for (std::size_t i = 0; i < kKinds; ++i) {
    const std::uint64_t count = replies_[i].load(std::memory_order_relaxed);
    total += count;
    if (i < 3) hits += count;
    requests[kKindNames[i]] = count;
    latency[kKindNames[i]] = {{"p50", latency_[i].Quantile(0.5) / 1000},
                              {"p99", latency_[i].Quantile(0.99) / 1000}};
  }
  requests["error"] = errors_.load();
  requests["total"] = total + errors_.load();
  return {{"requests", requests},
          {"hit_rate", total == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(total)},
          {"latency_ms", latency},
          {"upstream",
           {{"calls", upstream_calls_.load()},
            {"images", upstream_images_.load()},
            {"errors", upstream_errors_.load()},
            {"seconds", upstream_latency_.ToJson()["seconds"]}}},
          {"saved_usd", static_cast<double>(saved_micro_usd_.load()) / 1e6},
          {"spent_usd", static_cast<double>(spent_micro_usd_.load()) / 1e6},
          {"removed_images",
           {{"expired", removed_[0].load()},
            {"bytes", removed_[1].load()},
            {"entries", removed_[2].load()},
            {"disk", removed_[3].load()}}},
          {"images_not_stored",
           {{"disk", not_stored_[0].load()},
            {"full", not_stored_[1].load()},
            {"error", not_stored_[2].load()}}},
          {"degraded", degraded_[0].load() + degraded_[1].load() + degraded_[2].load()},
          {"histograms", HistogramsJson()}};
}

TenantStats::TenantStats() : table_(kReaders, std::make_unique<const Table>()) {}

CacheStats* TenantStats::Find(const std::string& tenant) const {
  const auto table = table_.Acquire();
  const auto found = table->find(tenant);
  return found == table->end() ? nullptr : found->second;
}

CacheStats& TenantStats::Of(const std::string& tenant) {
  if (CacheStats* known = Find(tenant)) return *known;
  std::lock_guard lock(mutex_);
  if (CacheStats* known = Find(tenant)) return *known;
  owned_.push_back(std::make_unique<CacheStats>());
  std::unique_ptr<Table> table;
  {
    const auto old = table_.Acquire();  // given back before Publish, which waits for readers
    table = std::make_unique<Table>(*old);
  }
  table->emplace(tenant, owned_.back().get());
  table_.Publish(std::move(table));
  return *owned_.back();
}

nlohmann::json TenantStats::ToJson(const std::string& tenant) const {
  const CacheStats* known = Find(tenant);
  nlohmann::json stats = known ? known->ToJson() : CacheStats().ToJson();
  stats.erase("degraded");  // is counted for the whole only
  stats.erase("histograms");
  stats["tenant"] = tenant;
  return stats;
}

}  // namespace reprise
