// Single-flight: of several requests for one fingerprint, the first generates and the others wait
// for what it gets. Safe for any thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/async_value.h"
#include "base/digest.h"
#include "base/result.h"

namespace reprise {

template <class T>
class Flights {
 public:
  using Flight = AsyncValue<T>;
  using FlightPtr = std::shared_ptr<Flight>;

  // The flight under way, or null.
  FlightPtr Find(const Digest& fingerprint) const {
    const Shard& shard = shards_[fingerprint.bytes[0] % kShards];
    std::lock_guard lock(shard.mutex);
    const auto found = shard.flights.find(fingerprint);
    return found == shard.flights.end() ? nullptr : found->second;
  }

  struct Lease {
    FlightPtr flight;
    bool leader = false;  // the caller must end it with Land
  };
  Lease Join(const Digest& fingerprint) {
    Shard& shard = shards_[fingerprint.bytes[0] % kShards];
    std::lock_guard lock(shard.mutex);
    auto [found, inserted] = shard.flights.try_emplace(fingerprint);
    if (inserted) found->second = std::make_shared<Flight>();
    return {found->second, inserted};
  }

  // Ends the flight: later requests start anew, and everybody who waits gets `value`.
  void Land(const Digest& fingerprint, const FlightPtr& flight, T value) {
    {
      Shard& shard = shards_[fingerprint.bytes[0] % kShards];
      std::lock_guard lock(shard.mutex);
      shard.flights.erase(fingerprint);
    }
    flight->Set(std::move(value));
  }

  std::size_t size() const {
    std::size_t size = 0;
    for (const Shard& shard : shards_) {
      std::lock_guard lock(shard.mutex);
      size += shard.flights.size();
    }
    return size;
  }

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Digest, FlightPtr> flights;
  };
  static constexpr std::size_t kShards = 16;
  std::array<Shard, kShards> shards_;
};

}  // namespace reprise
