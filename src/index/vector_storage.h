// Vectors of one length, appended only, at addresses that never change: readers go through them
// while the one writer appends.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "index/vector_index.h"

namespace reprise {

// Append, Replace, Kill and Link are for one thread at a time; the rest is safe for any thread at
// any time, for slots below a count that the thread has seen.
class VectorStorage {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = std::numeric_limits<Slot>::max();

  explicit VectorStorage(std::size_t dimensions) : dimensions_(dimensions) {}
  ~VectorStorage();
  VectorStorage(const VectorStorage&) = delete;
  VectorStorage& operator=(const VectorStorage&) = delete;

  // The new vector's slot; slots are given in order, from 0.
  Slot Append(std::uint64_t key, std::span<const Half> vector);

  // Appends a vector in the place of `old`. A reader sees one of the two, by the count it knows.
  Slot Replace(Slot old, std::uint64_t key, std::span<const Half> vector);

  // Marks the slot's vector as removed. Its bytes stay.
  void Kill(Slot slot) { Locate(slot).replaced_by.store(0, std::memory_order_release); }

  // Adds `slot` to the chain of slots that hold the same vector as `leader`.
  void Link(Slot leader, Slot slot);
  // The next of a leader's chain, kNone at its end. It may be newer than any count seen before.
  Slot NextEqual(Slot slot) const {
    return Locate(slot).next_equal.load(std::memory_order_acquire);
  }

  Slot count() const { return count_.load(std::memory_order_acquire); }
  // Whether a reader that knows `end` slots sees this one.
  bool Alive(Slot slot, Slot end) const {
    return Locate(slot).replaced_by.load(std::memory_order_acquire) >= end;
  }
  std::uint64_t Key(Slot slot) const { return Locate(slot).key; }
  const Half* Vector(Slot slot) const;

  // Memory in use; reserved memory that was never touched does not count.
  std::size_t memory_bytes() const;

 private:
  struct Meta {
    std::uint64_t key = 0;
    // The slot from whose existence on this one is dead; 0 when removed.
    std::atomic<Slot> replaced_by = kNone;
    std::atomic<Slot> next_equal = kNone;
  };
  struct Chunk {
    Chunk(std::size_t slots, std::size_t dimensions);
    ~Chunk();
    Half* vectors;  // uninitialised: pages that are not used yet cost nothing
    Meta* metas;
  };

  // Chunk c holds kFirstChunk << c slots, so a slot's chunk is found by its highest bit.
  static constexpr std::size_t kFirstChunk = 4;
  static constexpr std::size_t kMaxChunks = 29;
  static std::size_t ChunkOf(Slot slot);
  static std::size_t OffsetIn(std::size_t chunk, Slot slot);
  Meta& Locate(Slot slot) const;

  const std::size_t dimensions_;
  std::atomic<Slot> count_ = 0;
  std::array<std::atomic<Chunk*>, kMaxChunks> chunks_{};
};

}  // namespace reprise
