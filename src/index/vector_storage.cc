#include "index/vector_storage.h"

#include <cstring>

namespace reprise {
namespace {

constexpr std::size_t kCacheLine = 64;

// Whole cache lines, so that no vector takes one more than it must.
std::size_t RowBytes(std::size_t code_bytes) {
  if (code_bytes < kCacheLine) return code_bytes;
  return (code_bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

struct SavedMeta {
  std::uint64_t key;
  float scale;
  Slot dead_from, next_equal;
  std::uint32_t unused;
};

}  // namespace

VectorStorage::VectorStorage(std::size_t dimensions)
    : codec_(dimensions), codes_(RowBytes(codec_.code_bytes())), metas_(sizeof(Meta)) {}

Slot VectorStorage::Append(std::uint64_t key, std::span<const Half> vector) {
  std::byte* row = codes_.Make(count());
  std::memset(row + codec_.code_bytes(), 0, codes_.row_bytes() - codec_.code_bytes());
  return Publish(key, codec_.Encode(vector, row));
}

Slot VectorStorage::AppendCopy(const VectorStorage& from, Slot slot) {
  std::memcpy(codes_.Make(count()), from.codes_.At(slot), codes_.row_bytes());
  return Publish(from.Key(slot), from.MetaOf(slot).scale);
}

Slot VectorStorage::Publish(std::uint64_t key, float scale) {
  const Slot slot = count_.load(std::memory_order_relaxed);
  new (metas_.Make(slot)) Meta{.key = key, .scale = scale};
  // Whoever reads the count sees the vector and its key.
  count_.store(slot + 1, std::memory_order_release);
  return slot;
}

void VectorStorage::Link(Slot leader, Slot slot) {
  Meta& first = MetaOf(leader);
  const Slot rest = first.next_equal.load(std::memory_order_relaxed);
  MetaOf(slot).next_equal.store(rest, std::memory_order_relaxed);
  first.next_equal.store(slot, std::memory_order_release);
}

bool VectorStorage::Equal(Slot a, Slot b) const {
  return MetaOf(a).scale == MetaOf(b).scale &&
         std::memcmp(codes_.At(a), codes_.At(b), codec_.code_bytes()) == 0;
}

void VectorStorage::Prefetch(Slot slot) const {
  const std::byte* code = codes_.At(slot);
  for (std::size_t i = 0; i < codec_.dimensions(); i += kCacheLine) __builtin_prefetch(code + i);
  __builtin_prefetch(&MetaOf(slot));
}

void VectorStorage::SaveMetas(SavedBytes& out) const {
  const Slot end = count();
  for (Slot slot = 0; slot < end; ++slot) {
    const Meta& meta = MetaOf(slot);
    out.Put(SavedMeta{meta.key, meta.scale, Alive(slot, end) ? kNoSlot : 0, NextEqual(slot), 0});
  }
}

bool VectorStorage::Load(Slot count, SavedReader& in) {
  codes_.MakeAll(count);
  codes_.ForEachRun(count, [&](std::span<std::byte> run) { in.GetBytes(run); });
  metas_.MakeAll(count);
  for (Slot slot = 0; slot < count; ++slot) {
    const auto saved = in.Get<SavedMeta>();
    if (!(saved.scale >= 0 && saved.scale <= VectorCodec::kMaxScale)) return false;
    if (saved.dead_from != 0 && saved.dead_from != kNoSlot) return false;
    new (metas_.At(slot)) Meta{saved.key, saved.scale, saved.dead_from, saved.next_equal};
  }
  count_.store(count, std::memory_order_release);
  return true;
}

std::size_t VectorStorage::saved_slot_bytes() const {
  return codes_.row_bytes() + sizeof(SavedMeta);
}

std::size_t VectorStorage::memory_bytes() const {
  return sizeof *this + count() * (codes_.row_bytes() + metas_.row_bytes());
}

}  // namespace reprise
