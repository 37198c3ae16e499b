// A graph of nearest neighbours (HNSW: Malkov and Yashunin 2016) over the slots of a VectorStorage.
//
// Searches run while the one writer adds. Nodes are never removed, a node's links are atomics, and
// whatever a link names was complete before the link was stored. A reader that meets a list being
// rewritten sees some of the old links and some of the new ones, and may follow them all.
//
// Equal vectors share one node: as nodes of their own, some tens of them would link to one another
// only and cut off whatever is reached through them.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include "index/beam.h"
#include "index/rows.h"
#include "index/vector_index.h"
#include "index/vector_storage.h"

namespace reprise {

// AddNext is for one thread at a time; the rest is safe for any.
class HnswGraph {
 public:
  // `storage` outlives the graph.
  HnswGraph(VectorStorage& storage, const VectorIndexOptions& options);

  // Adds the storage's slot `covered()`.
  void AddNext();

  // The storage's slots below this one are in the graph.
  Slot covered() const { return covered_.load(std::memory_order_acquire); }

  // About the `count` nearest slots and what else was near on the way, by their rough cosines and
  // in no order: slots below `covered`, a covered() of before, that a reader who knows `end` slots
  // sees.
  std::vector<SlotMatch> Search(const Query& query, std::size_t count, Slot covered,
                                Slot end) const;

  std::size_t memory_bytes() const;

  // What is saved of a graph: its head, and `rows` of a size that follows from the head.
  struct Head {
    Slot covered = 0, uppers = 0, entry = kNoSlot;
  };
  Head head() const { return {covered(), upper_count_, entry_.load(std::memory_order_relaxed)}; }
  void SaveRows(SavedBytes& out) const;
  std::size_t saved_bytes(const Head& head) const;
  // Into an empty graph, over a loaded storage. False for what SaveRows cannot have written: links
  // or chains that lead nowhere, or round in circles.
  bool Load(const Head& head, SavedReader& in);

 private:
  using Link = std::atomic<Slot>;
  using Links = std::span<Link>;  // those in use first, then kNoSlot

  // A slot's row on the lowest level: its first row in uppers_ (kNoSlot: none; kNotANode: it has
  // the vector of another), and its links. With 31 links these are two cache lines.
  static constexpr Slot kNotANode = kNoSlot - 1;
  Link* NodeOf(Slot slot) const { return reinterpret_cast<Link*>(nodes_.At(slot)); }
  Links LinksOf(Slot slot, int level) const;
  int LevelOf(Slot slot) const;

  // By level, from the lowest: what is near the slot; empty above the graph's highest level.
  std::vector<std::vector<SlotMatch>> NearestByLevel(Slot slot) const;
  Slot FindEqual(Slot slot, std::span<const SlotMatch> nearest) const;
  void AddNode(Slot slot, std::vector<std::vector<SlotMatch>> nearest);
  void MakeRows(Slot slot, bool is_node);
  void LinkBack(Slot from, int level, SlotMatch to);
  // The nearest of a node's candidates, without those that are nearer to one already chosen.
  std::vector<SlotMatch> Diverse(std::vector<SlotMatch> candidates, std::size_t count) const;
  float CosineBetween(Slot a, Slot b) const;
  bool IsNode(Slot slot) const;
  bool RowsAreSound(Slot slot, const Head& head) const;
  bool ChainIsSound(Slot slot, Slot covered) const;
  bool AnyAlive(Slot leader, Slot covered, Slot end) const;

  // `cosine_to(slot)` is how near a slot is; `accept(slot)`, whether it counts as found.
  template <class CosineTo>
  SlotMatch Climb(SlotMatch from, int level, const CosineTo& cosine_to) const;
  template <class CosineTo, class Accept>
  std::vector<SlotMatch> Beam(SlotMatch from, int level, std::size_t width,
                              const CosineTo& cosine_to, const Accept& accept) const;

  VectorStorage& storage_;
  const VectorIndexOptions options_;
  Rows nodes_, uppers_;
  Slot upper_count_ = 0;
  Slot zero_ = kNoSlot;  // the node of zero vectors, which are near nothing, not even one another
  Link entry_ = kNoSlot;
  std::atomic<Slot> covered_ = 0;
};

}  // namespace reprise
