// What a search of a graph gathers: slots with their cosines in heaps, and which slots it has seen.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <vector>

#include "index/vector_storage.h"

namespace reprise {

struct SlotMatch {
  float cosine = 0;
  Slot slot = 0;
};

inline bool Nearer(const SlotMatch& a, const SlotMatch& b) {
  return a.cosine > b.cosine;
}
inline bool Farther(const SlotMatch& a, const SlotMatch& b) {
  return a.cosine < b.cosine;
}

// Keeps the `count` nearest, with the farthest of them on top.
class NearestMatches {
 public:
  explicit NearestMatches(std::size_t count) : count_(count) { heap_.reserve(count); }

  bool Wants(float cosine) const {
    return heap_.size() < count_ || (count_ > 0 && cosine > heap_.front().cosine);
  }
  void Offer(SlotMatch match) {
    if (!Wants(match.cosine)) return;
    if (heap_.size() == count_) {
      std::pop_heap(heap_.begin(), heap_.end(), Nearer);
      heap_.pop_back();
    }
    heap_.push_back(match);
    std::push_heap(heap_.begin(), heap_.end(), Nearer);
  }
  // In no order.
  std::vector<SlotMatch> Take() { return std::move(heap_); }

 private:
  const std::size_t count_;
  std::vector<SlotMatch> heap_;
};

// What is to be looked at yet, the nearest first.
class OpenMatches {
 public:
  bool empty() const { return heap_.empty(); }
  void Push(SlotMatch match) {
    heap_.push_back(match);
    std::push_heap(heap_.begin(), heap_.end(), Farther);
  }
  SlotMatch Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), Farther);
    const SlotMatch nearest = heap_.back();
    heap_.pop_back();
    return nearest;
  }

 private:
  std::vector<SlotMatch> heap_;
};

// A set of slots by open addressing: its size is that of a search, not that of the graph.
class VisitedSlots {
 public:
  explicit VisitedSlots(std::size_t expected) { Resize(std::bit_ceil(2 * expected + 16)); }

  // False when it was there.
  bool Insert(Slot slot) {
    Slot& place = Find(slot);
    if (place == slot) return false;
    place = slot;
    if (++count_ > table_.size() / 2) Grow();
    return true;
  }

 private:
  Slot& Find(Slot slot) {
    std::size_t place = (slot * 0x9e3779b1u) >> shift_;  // Knuth's multiplicative hashing
    while (table_[place] != slot && table_[place] != kNoSlot)
      place = (place + 1) & (table_.size() - 1);
    return table_[place];
  }
  void Resize(std::size_t size) {
    table_.assign(size, kNoSlot);
    shift_ = 32 - std::countr_zero(size);
  }
  void Grow() {
    const std::vector<Slot> old = std::move(table_);
    Resize(2 * old.size());
    for (Slot slot : old) {
      if (slot != kNoSlot) Find(slot) = slot;
    }
  }

  std::vector<Slot> table_;
  int shift_ = 0;
  std::size_t count_ = 0;
};

}  // namespace reprise
