// Encoded vectors with their keys, appended only: readers go through them while the one writer
// appends.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "index/rows.h"
#include "index/saved_bytes.h"
#include "index/vector_code.h"

namespace reprise {

// A vector's number within an index, in the order of arrival.
using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

// What writes is for one thread at a time; the rest is safe for any thread at any time, for slots
// below a count that the thread has seen.
class VectorStorage {
 public:
  explicit VectorStorage(std::size_t dimensions);

  // The new vector's slot; slots are given in order, from 0.
  Slot Append(std::uint64_t key, std::span<const Half> vector);
  Slot AppendCopy(const VectorStorage& from, Slot slot);

  // To be called right before the vector that takes the place of `slot` is appended. A reader sees
  // one of the two, by the count it knows.
  void ReplaceByNext(Slot slot) {
    MetaOf(slot).dead_from.store(count(), std::memory_order_release);
  }

  // Marks the slot's vector as removed. Its bytes stay.
  void Kill(Slot slot) { MetaOf(slot).dead_from.store(0, std::memory_order_release); }

  // Adds `slot` to the chain of slots that hold the same vector as `leader`.
  void Link(Slot leader, Slot slot);
  // The next of a leader's chain, kNoSlot at its end. It may be newer than any count seen before.
  Slot NextEqual(Slot slot) const {
    return MetaOf(slot).next_equal.load(std::memory_order_acquire);
  }

  Slot count() const { return count_.load(std::memory_order_acquire); }
  // Whether a reader that knows `end` slots sees this one.
  bool Alive(Slot slot, Slot end) const {
    return MetaOf(slot).dead_from.load(std::memory_order_acquire) >= end;
  }
  std::uint64_t Key(Slot slot) const { return MetaOf(slot).key; }
  VectorCode Code(Slot slot) const { return codec_.At(codes_.At(slot), MetaOf(slot).scale); }
  bool Equal(Slot a, Slot b) const;
  // Hints that the slot's vector will be compared soon.
  void Prefetch(Slot slot) const;

  // What is saved of each slot: a row of codes(), which never changes, and what may change with the
  // next write. Load, into an empty storage, is false for what SaveMetas cannot have written;
  // chains are the graph's to check.
  const Rows& codes() const { return codes_; }
  void SaveMetas(SavedBytes& out) const;
  bool Load(Slot count, SavedReader& in);
  std::size_t saved_slot_bytes() const;

  const VectorCodec& codec() const { return codec_; }
  // Memory in use; reserved memory that was never touched does not count.
  std::size_t memory_bytes() const;

 private:
  struct Meta {
    std::uint64_t key = 0;
    float scale = 0;
    // The count of slots from which on this one is dead; 0 when removed.
    std::atomic<Slot> dead_from = kNoSlot;
    std::atomic<Slot> next_equal = kNoSlot;
  };

  Meta& MetaOf(Slot slot) const { return *reinterpret_cast<Meta*>(metas_.At(slot)); }
  Slot Publish(std::uint64_t key, float scale);

  const VectorCodec codec_;
  Rows codes_, metas_;
  std::atomic<Slot> count_ = 0;
};

}  // namespace reprise
