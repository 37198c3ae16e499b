// Single-flight: of several requests that ask for the same picture, the first has it generated and
// the others wait for what it gets. Requests of one fingerprint always share a flight; requests in
// other words see the flights of their partition, and may wait for one that they verify against its
// text. Safe for any thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/async_value.h"
#include "base/digest.h"
#include "cache/job.h"
#include "index/vector_index.h"

namespace reprise {

// What a flight brings, as it is known when it begins.
struct FlightPlan {
  // Its identity's fingerprint and compatibility (the partition) name the flight.
  std::shared_ptr<const Job> job;
  std::vector<Half> vector;  // of the prompt; empty: other words cannot be compared with it
  int images = 1;            // those being made and those in its entry's pool
};

template <class T>
class Flights {
 public:
  class Flight : public AsyncValue<T> {
   public:
    explicit Flight(FlightPlan plan, std::uint64_t number)
        : plan_(std::move(plan)), number_(number) {}
    const FlightPlan& plan() const { return plan_; }

   private:
    friend class Flights;
    const FlightPlan plan_;
    const std::uint64_t number_;  // flights of a shard are numbered in the order they begin
  };
  using FlightPtr = std::shared_ptr<Flight>;

  // The flight of this fingerprint, or null.
  FlightPtr Find(const Identity& identity) const {
    const Shard& shard = ShardOf(identity);
    std::lock_guard lock(shard.mutex);
    const auto found = shard.by_fingerprint.find(identity.fingerprint);
    return found == shard.by_fingerprint.end() ? nullptr : found->second;
  }

  // How far a request has looked through the flights of its partition.
  struct Seen {
    std::uint64_t number = 0;
  };
  // Flights of the partition that began since `seen`, which moves on.
  std::vector<FlightPtr> Others(const Identity& identity, Seen& seen) const {
    const Shard& shard = ShardOf(identity);
    std::lock_guard lock(shard.mutex);
    return Unseen(shard, identity, seen);
  }

  struct Lease {
    FlightPtr flight;               // null: look through `others` first, then come again
    bool leader = false;            // the caller must end the flight with Land
    std::vector<FlightPtr> others;  // began since `seen`
  };
  // The flight of the plan's fingerprint; else those of its partition that began since `seen`; else
  // a new one. In one step, so that of two rephrasings of one prompt that arrive together the
  // second always sees the first. No `seen`: the caller does not compare words.
  Lease Join(FlightPlan plan, Seen* seen) {
    const Identity& identity = plan.job->identity;
    Shard& shard = ShardOf(identity);
    std::lock_guard lock(shard.mutex);
    const auto found = shard.by_fingerprint.find(identity.fingerprint);
    if (found != shard.by_fingerprint.end()) return {found->second, false, {}};
    if (seen) {
      auto others = Unseen(shard, identity, *seen);
      if (!others.empty()) return {nullptr, false, std::move(others)};
    }
    auto flight = std::make_shared<Flight>(std::move(plan), ++shard.last_number);
    const Identity& own = flight->plan().job->identity;
    shard.by_fingerprint.emplace(own.fingerprint, flight);
    shard.by_partition[own.compatibility].push_back(flight);
    return {flight, true, {}};
  }

  // Ends the flight: later requests start anew, and everybody who waits gets `value`.
  void Land(const FlightPtr& flight, T value) {
    const Identity& identity = flight->plan().job->identity;
    {
      Shard& shard = ShardOf(identity);
      std::lock_guard lock(shard.mutex);
      shard.by_fingerprint.erase(identity.fingerprint);
      const auto partition = shard.by_partition.find(identity.compatibility);
      std::erase(partition->second, flight);
      if (partition->second.empty()) shard.by_partition.erase(partition);
      shard.landings.fetch_add(1, std::memory_order_release);
    }
    flight->Set(std::move(value));
  }

  // Grows when a flight of this partition lands (others may count too). Equal before a look at what
  // is stored and after Join: nothing landed unseen in between.
  std::uint64_t Landings(const Identity& identity) const {
    return ShardOf(identity).landings.load(std::memory_order_acquire);
  }

  std::size_t size() const {
    std::size_t size = 0;
    for (const Shard& shard : shards_) {
      std::lock_guard lock(shard.mutex);
      size += shard.by_fingerprint.size();
    }
    return size;
  }

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Digest, FlightPtr> by_fingerprint;
    std::unordered_map<Digest, std::vector<FlightPtr>> by_partition;  // in order of number
    std::uint64_t last_number = 0;
    alignas(64) std::atomic<std::uint64_t> landings = 0;  // read by every request
  };
  static constexpr std::size_t kShards = 16;

  // By partition, so that one lock covers all its flights.
  const Shard& ShardOf(const Identity& identity) const {
    return shards_[identity.compatibility.bytes[0] % kShards];
  }
  Shard& ShardOf(const Identity& identity) {
    return shards_[identity.compatibility.bytes[0] % kShards];
  }

  static std::vector<FlightPtr> Unseen(const Shard& shard, const Identity& identity, Seen& seen) {
    const std::uint64_t from = std::exchange(seen.number, shard.last_number);
    const auto partition = shard.by_partition.find(identity.compatibility);
    if (partition == shard.by_partition.end()) return {};
    const auto& all = partition->second;
    const auto first = std::ranges::find_if(
        all, [from](const FlightPtr& flight) { return flight->number_ > from; });
    return {first, all.end()};
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace reprise
