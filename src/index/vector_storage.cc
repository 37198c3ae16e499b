#include "index/vector_storage.h"

#include <algorithm>
#include <bit>
#include <new>

namespace reprise {
namespace {

constexpr std::align_val_t kCacheLine{64};

}  // namespace

VectorStorage::Chunk::Chunk(std::size_t slots, std::size_t dimensions)
    : vectors(static_cast<Half*>(
          ::operator new(std::max<std::size_t>(slots* dimensions * sizeof(Half), 1), kCacheLine))),
      metas(static_cast<Meta*>(::operator new(slots * sizeof(Meta)))) {}

VectorStorage::Chunk::~Chunk() {
  ::operator delete(vectors, kCacheLine);
  ::operator delete(metas);
}

VectorStorage::~VectorStorage() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

std::size_t VectorStorage::ChunkOf(Slot slot) {
  return static_cast<std::size_t>(std::bit_width(slot / kFirstChunk + 1)) - 1;
}

std::size_t VectorStorage::OffsetIn(std::size_t chunk, Slot slot) {
  return slot - kFirstChunk * ((std::size_t{1} << chunk) - 1);
}

VectorStorage::Meta& VectorStorage::Locate(Slot slot) const {
  const std::size_t chunk = ChunkOf(slot);
  return chunks_[chunk].load(std::memory_order_relaxed)->metas[OffsetIn(chunk, slot)];
}

const Half* VectorStorage::Vector(Slot slot) const {
  const std::size_t chunk = ChunkOf(slot);
  const Chunk* found = chunks_[chunk].load(std::memory_order_relaxed);
  return found->vectors + OffsetIn(chunk, slot) * dimensions_;
}

VectorStorage::Slot VectorStorage::Append(std::uint64_t key, std::span<const Half> vector) {
  const Slot slot = count_.load(std::memory_order_relaxed);
  const std::size_t chunk = ChunkOf(slot);
  Chunk* target = chunks_[chunk].load(std::memory_order_relaxed);
  if (!target) {
    target = new Chunk(kFirstChunk << chunk, dimensions_);
    chunks_[chunk].store(target, std::memory_order_relaxed);
  }
  const std::size_t offset = OffsetIn(chunk, slot);
  std::copy(vector.begin(), vector.end(), target->vectors + offset * dimensions_);
  new (&target->metas[offset]) Meta{.key = key};
  // Publishes the chunk, the vector and the key to whoever reads the count.
  count_.store(slot + 1, std::memory_order_release);
  return slot;
}

VectorStorage::Slot VectorStorage::Replace(Slot old, std::uint64_t key,
                                           std::span<const Half> vector) {
  // First: whoever sees the new count then sees this too.
  Locate(old).replaced_by.store(count_.load(std::memory_order_relaxed), std::memory_order_release);
  return Append(key, vector);
}

void VectorStorage::Link(Slot leader, Slot slot) {
  Meta& first = Locate(leader);
  const Slot rest = first.next_equal.load(std::memory_order_relaxed);
  Locate(slot).next_equal.store(rest, std::memory_order_relaxed);
  first.next_equal.store(slot, std::memory_order_release);
}

std::size_t VectorStorage::memory_bytes() const {
  return sizeof *this + count() * (dimensions_ * sizeof(Half) + sizeof(Meta));
}

}  // namespace reprise
