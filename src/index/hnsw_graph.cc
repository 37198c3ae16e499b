#include "index/hnsw_graph.h"

#include <algorithm>
#include <cmath>

namespace reprise {
namespace {

// Places for visited slots, per width of a beam: about what a search comes to.
constexpr std::size_t kVisitedPerWidth = 16;

// The finaliser of SplitMix64.
std::uint64_t Mix(std::uint64_t x) {
  x = (x + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

HnswGraph::HnswGraph(VectorStorage& storage, const VectorIndexOptions& options)
    : storage_(storage),
      options_(options),
      nodes_(2 * options.connectivity * sizeof(Link)),
      uppers_(options.connectivity * sizeof(Link)) {}

HnswGraph::Links HnswGraph::LinksOf(Slot slot, int level) const {
  Link* node = NodeOf(slot);
  if (level == 0) return {node + 1, 2 * options_.connectivity - 1};
  const Slot row = node->load(std::memory_order_relaxed) + static_cast<Slot>(level) - 1;
  return {reinterpret_cast<Link*>(uppers_.At(row)), options_.connectivity};
}

// Random to all appearances, and the same for readers, the writer and a loaded graph.
int HnswGraph::LevelOf(Slot slot) const {
  const double uniform = (static_cast<double>(Mix(slot) >> 11) + 1) * 0x1p-53;  // in (0, 1]
  return static_cast<int>(-std::log(uniform) / std::log(options_.connectivity));
}

float HnswGraph::CosineBetween(Slot a, Slot b) const {
  const VectorCode code = storage_.Code(a);
  return storage_.codec().RoughCosine(code.high, code.scale, storage_.Code(b));
}

template <class CosineTo>
SlotMatch HnswGraph::Climb(SlotMatch from, int level, const CosineTo& cosine_to) const {
  for (SlotMatch best = from;; from = best) {
    for (const Link& link : LinksOf(from.slot, level)) {
      const Slot slot = link.load(std::memory_order_acquire);
      if (slot == kNoSlot) break;
      if (const float cosine = cosine_to(slot); cosine > best.cosine) best = {cosine, slot};
    }
    if (best.slot == from.slot) return best;
  }
}

template <class CosineTo, class Accept>
std::vector<SlotMatch> HnswGraph::Beam(SlotMatch from, int level, std::size_t width,
                                       const CosineTo& cosine_to, const Accept& accept) const {
  VisitedSlots visited(kVisitedPerWidth * width);
  NearestMatches found(width);
  OpenMatches open;
  std::vector<Slot> fresh;
  visited.Insert(from.slot);
  open.Push(from);
  if (accept(from.slot)) found.Offer(from);
  while (!open.empty()) {
    const SlotMatch next = open.Pop();
    if (!found.Wants(next.cosine)) break;
    fresh.clear();
    for (const Link& link : LinksOf(next.slot, level)) {
      const Slot slot = link.load(std::memory_order_acquire);
      if (slot == kNoSlot) break;
      if (!visited.Insert(slot)) continue;
      storage_.Prefetch(slot);
      fresh.push_back(slot);
    }
    for (Slot slot : fresh) {
      const SlotMatch match{cosine_to(slot), slot};
      if (!found.Wants(match.cosine)) continue;
      open.Push(match);
      if (accept(slot)) found.Offer(match);
    }
  }
  return found.Take();
}

void HnswGraph::AddNext() {
  const Slot slot = covered_.load(std::memory_order_relaxed);
  auto nearest = NearestByLevel(slot);
  const Slot equal = FindEqual(slot, nearest.front());
  if (equal != kNoSlot) {
    MakeRows(slot, false);
    storage_.Link(equal, slot);
  } else {
    AddNode(slot, std::move(nearest));
  }
  covered_.store(slot + 1, std::memory_order_release);
}

std::vector<std::vector<SlotMatch>> HnswGraph::NearestByLevel(Slot slot) const {
  std::vector<std::vector<SlotMatch>> nearest(static_cast<std::size_t>(LevelOf(slot)) + 1);
  const Slot entry = entry_.load(std::memory_order_relaxed);
  if (entry == kNoSlot) return nearest;
  auto cosine_to = [this, slot](Slot other) { return CosineBetween(slot, other); };
  SlotMatch from{cosine_to(entry), entry};
  for (int level = LevelOf(entry); level >= 0; --level) {
    if (static_cast<std::size_t>(level) >= nearest.size()) {
      from = Climb(from, level, cosine_to);
    } else {
      auto& found = nearest[static_cast<std::size_t>(level)];
      found = Beam(from, level, options_.expansion_add, cosine_to, [](Slot) { return true; });
      from = *std::max_element(found.begin(), found.end(), Farther);
    }
  }
  return nearest;
}

Slot HnswGraph::FindEqual(Slot slot, std::span<const SlotMatch> nearest) const {
  if (storage_.Code(slot).scale == 0) return zero_;
  for (const SlotMatch& match : nearest) {
    if (storage_.Equal(match.slot, slot)) return match.slot;
  }
  return kNoSlot;
}

void HnswGraph::AddNode(Slot slot, std::vector<std::vector<SlotMatch>> nearest) {
  MakeRows(slot, true);
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    const int level = static_cast<int>(i);
    const auto chosen = Diverse(std::move(nearest[i]), options_.connectivity);
    const Links links = LinksOf(slot, level);
    for (std::size_t n = 0; n < chosen.size(); ++n) {
      links[n].store(chosen[n].slot, std::memory_order_release);
    }
    for (const SlotMatch& match : chosen) LinkBack(match.slot, level, {match.cosine, slot});
  }
  if (storage_.Code(slot).scale == 0) zero_ = slot;
  const Slot entry = entry_.load(std::memory_order_relaxed);
  if (entry == kNoSlot || LevelOf(slot) > LevelOf(entry)) {
    entry_.store(slot, std::memory_order_release);
  }
}

void HnswGraph::MakeRows(Slot slot, bool is_node) {
  auto fill = [](std::byte* row, std::size_t links) {
    std::uninitialized_fill_n(reinterpret_cast<Link*>(row), links, kNoSlot);
  };
  fill(nodes_.Make(slot), 2 * options_.connectivity);
  if (!is_node) return NodeOf(slot)->store(kNotANode, std::memory_order_relaxed);
  const auto levels = static_cast<Slot>(LevelOf(slot));
  if (levels == 0) return;
  NodeOf(slot)->store(upper_count_, std::memory_order_relaxed);
  for (const Slot end = upper_count_ + levels; upper_count_ < end; ++upper_count_) {
    fill(uppers_.Make(upper_count_), options_.connectivity);
  }
}

void HnswGraph::LinkBack(Slot from, int level, SlotMatch to) {
  const Links links = LinksOf(from, level);
  std::vector<SlotMatch> candidates{to};
  for (Link& link : links) {
    const Slot slot = link.load(std::memory_order_relaxed);
    if (slot == kNoSlot) return link.store(to.slot, std::memory_order_release);
    candidates.push_back({CosineBetween(from, slot), slot});
  }
  const auto chosen = Diverse(std::move(candidates), links.size());
  for (std::size_t n = 0; n < links.size(); ++n) {
    links[n].store(n < chosen.size() ? chosen[n].slot : kNoSlot, std::memory_order_release);
  }
}

std::vector<SlotMatch> HnswGraph::Diverse(std::vector<SlotMatch> candidates,
                                          std::size_t count) const {
  std::sort(candidates.begin(), candidates.end(), Nearer);
  std::vector<SlotMatch> chosen;
  for (const SlotMatch& candidate : candidates) {
    if (chosen.size() == count) break;
    const bool covered = std::any_of(chosen.begin(), chosen.end(), [&](const SlotMatch& other) {
      return CosineBetween(candidate.slot, other.slot) > candidate.cosine;
    });
    if (!covered) chosen.push_back(candidate);
  }
  return chosen;
}

bool HnswGraph::AnyAlive(Slot leader, Slot covered, Slot end) const {
  for (Slot slot = leader; slot != kNoSlot; slot = storage_.NextEqual(slot)) {
    if (slot < covered && storage_.Alive(slot, end)) return true;
  }
  return false;
}

std::vector<SlotMatch> HnswGraph::Search(const Query& query, std::size_t count, Slot covered,
                                         Slot end) const {
  std::vector<SlotMatch> matches;
  const Slot entry = entry_.load(std::memory_order_acquire);
  if (entry == kNoSlot) return matches;
  auto cosine_to = [&](Slot slot) {
    return storage_.codec().RoughCosine(query, storage_.Code(slot));
  };
  auto alive = [&](Slot slot) { return AnyAlive(slot, covered, end); };
  SlotMatch from{cosine_to(entry), entry};
  for (int level = LevelOf(entry); level > 0; --level) from = Climb(from, level, cosine_to);
  const std::size_t width = std::max(options_.expansion_search, count);
  for (const SlotMatch& node : Beam(from, 0, width, cosine_to, alive)) {
    std::size_t taken = 0;
    for (Slot slot = node.slot; slot != kNoSlot && taken < count; slot = storage_.NextEqual(slot)) {
      if (slot >= covered || !storage_.Alive(slot, end)) continue;
      matches.push_back({node.cosine, slot});
      ++taken;
    }
  }
  return matches;
}

std::size_t HnswGraph::memory_bytes() const {
  return saved_bytes(head());
}

std::size_t HnswGraph::saved_bytes(const Head& head) const {
  return head.covered * nodes_.row_bytes() + head.uppers * uppers_.row_bytes();
}

void HnswGraph::SaveRows(SavedBytes& out) const {
  auto put = [&out](std::span<std::byte> run) { out.PutBytes(run); };
  nodes_.ForEachRun(covered(), put);
  uppers_.ForEachRun(upper_count_, put);
}

bool HnswGraph::Load(const Head& head, SavedReader& in) {
  auto get = [&in](std::span<std::byte> run) { in.GetBytes(run); };
  nodes_.MakeAll(head.covered);
  nodes_.ForEachRun(head.covered, get);
  uppers_.MakeAll(head.uppers);
  uppers_.ForEachRun(head.uppers, get);
  Slot next_upper = 0;
  for (Slot slot = 0; slot < head.covered; ++slot) {
    if (!ChainIsSound(slot, head.covered)) return false;
    if (!IsNode(slot)) continue;
    if (!RowsAreSound(slot, head)) return false;
    // Handed out in this order, so that no two nodes share one.
    if (const int levels = LevelOf(slot); levels > 0) {
      if (NodeOf(slot)->load(std::memory_order_relaxed) != next_upper) return false;
      next_upper += static_cast<Slot>(levels);
    }
    if (zero_ == kNoSlot && storage_.Code(slot).scale == 0) zero_ = slot;
  }
  // What comes later joins chains, and is in none yet.
  for (Slot slot = head.covered; slot < storage_.count(); ++slot) {
    if (storage_.NextEqual(slot) != kNoSlot) return false;
  }
  const bool sound = head.covered == 0 ? head.entry == kNoSlot && head.uppers == 0
                                       : head.entry < head.covered && IsNode(head.entry);
  if (!sound || next_upper != head.uppers) return false;
  upper_count_ = head.uppers;
  entry_.store(head.entry, std::memory_order_release);
  covered_.store(head.covered, std::memory_order_release);
  return true;
}

bool HnswGraph::IsNode(Slot slot) const {
  return NodeOf(slot)->load(std::memory_order_relaxed) != kNotANode;
}

bool HnswGraph::RowsAreSound(Slot slot, const Head& head) const {
  const int levels = LevelOf(slot);
  const Slot upper = NodeOf(slot)->load(std::memory_order_relaxed);
  if (levels > 0 && std::uint64_t{upper} + static_cast<Slot>(levels) > head.uppers) return false;
  for (int level = 0; level <= levels; ++level) {
    for (const Link& link : LinksOf(slot, level)) {
      const Slot to = link.load(std::memory_order_relaxed);
      if (to == kNoSlot) continue;  // what is behind it may come into use
      if (to >= head.covered || !IsNode(to) || (level > 0 && LevelOf(to) < level)) return false;
    }
  }
  return true;
}

// A chain leads from a node to what is none, and then to ever lower slots: so it ends.
bool HnswGraph::ChainIsSound(Slot slot, Slot covered) const {
  const Slot next = storage_.NextEqual(slot);
  if (next == kNoSlot) return true;
  return next < covered && !IsNode(next) && (IsNode(slot) || next < slot);
}

}  // namespace reprise
