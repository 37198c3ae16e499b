// Readers see a View: the storage, whose tail grows under their eyes, and a frozen graph over its
// first slots. What the graph does not hold yet is scanned. The writer extends its own graph with
// every Add and publishes a frozen copy from time to time, so that neither side waits for the other
// and no single call pays for a rebuild.
#include "index/vector_index.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/log.h"
#include "base/reader_slots.h"
#include "index/generation.h"

namespace reprise {
namespace {

using Slot = VectorStorage::Slot;

// Vectors that one write brings into a graph at most: bounds what an Add may take.
constexpr std::size_t kGraphSteps = 4;
// Vectors that one write copies into a new generation at most.
constexpr std::size_t kMoveSteps = 16;
// Fewer dead vectors than this are not worth a new generation.
constexpr std::size_t kMinDead = 64;

struct View {
  const VectorStorage* storage;
  std::unique_ptr<const HnswGraph> graph;  // null: everything is scanned
  Slot scan_from = 0;
};

// The unscanned tail costs every search; a copy of the graph costs a share of its size.
std::size_t TailLimit(std::size_t graph_size) {
  return std::clamp<std::size_t>(graph_size / 256, 64, 1024);
}

// More readers at once than processors only happens when they are preempted.
std::size_t ReaderCount() {
  return std::clamp<std::size_t>(2 * std::thread::hardware_concurrency(), 16, 128);
}

bool IsFinite(std::span<const Half> vector) {
  return std::none_of(vector.begin(), vector.end(),
                      [](Half half) { return (half & 0x7c00) == 0x7c00; });
}

bool Nearer(const SlotMatch& a, const SlotMatch& b) {
  return a.cosine > b.cosine;
}

// Keeps the `count` nearest matches, as a heap with the farthest on top.
void Keep(std::vector<SlotMatch>& heap, std::size_t count, SlotMatch match) {
  if (heap.size() == count) {
    if (!Nearer(match, heap.front())) return;
    std::pop_heap(heap.begin(), heap.end(), Nearer);
    heap.pop_back();
  }
  heap.push_back(match);
  std::push_heap(heap.begin(), heap.end(), Nearer);
}

class InProcessIndex final : public VectorIndex {
 public:
  explicit InProcessIndex(const VectorIndexOptions& options)
      : options_(options),
        product_(options.dimensions),
        current_(std::make_unique<IndexGeneration>(options_, product_)),
        views_(ReaderCount(), std::make_unique<View>(&current_->storage())) {
    UpdateCounts();
  }

  Result<void> Add(std::uint64_t key, std::span<const Half> vector) override {
    return Put(key, vector, kGraphSteps);
  }
  Result<void> Append(std::uint64_t key, std::span<const Half> vector) override {
    return Put(key, vector, 0);
  }
  bool Settle(std::size_t steps) override;
  void Remove(std::uint64_t key) override;
  std::vector<Neighbour> Search(std::span<const Half> query, std::size_t count) const override;

  bool scans_all() const override { return scans_all_.load(); }
  std::size_t size() const override { return size_.load(); }
  std::size_t memory_bytes() const override { return memory_bytes_.load(); }

 private:
  Result<void> Put(std::uint64_t key, std::span<const Half> vector, std::size_t graph_steps);
  bool WorthPublishing() const;
  Result<void> Extend(std::size_t graph_steps);
  void Maintain(std::size_t graph_steps);
  Result<void> MoveOn();
  Result<void> Publish(const IndexGeneration& generation);
  void UpdateCounts();

  const VectorIndexOptions options_;
  const InnerProduct product_;
  std::mutex write_mutex_;
  std::unique_ptr<IndexGeneration> current_;
  // Gathers what is alive in current_; then takes its place.
  std::unique_ptr<IndexGeneration> next_;
  Slot moved_ = 0;      // slots of current_ that next_ has gone through
  Slot scan_from_ = 0;  // of the published view
  std::size_t frozen_bytes_ = 0;
  std::atomic<bool> scans_all_ = true;
  std::atomic<std::size_t> size_ = 0, memory_bytes_ = 0;
  ReaderSlots<View> views_;
};

Result<void> InProcessIndex::Put(std::uint64_t key, std::span<const Half> vector,
                                 std::size_t graph_steps) {
  if (vector.size() != options_.dimensions) {
    return Fail(Code::kInvalidArgument,
                "a vector of " + std::to_string(vector.size()) + " dimensions for an index of " +
                    std::to_string(options_.dimensions) + "; embed with the index's embedder");
  }
  if (!IsFinite(vector)) {
    return Fail(Code::kInvalidArgument, "a vector holds an infinity or NaN; check the embedder");
  }
  std::lock_guard lock(write_mutex_);
  current_->Put(key, vector);
  if (next_) next_->Put(key, vector);
  Maintain(graph_steps);
  return {};
}

bool InProcessIndex::Settle(std::size_t steps) {
  std::lock_guard lock(write_mutex_);
  const Slot before = current_->covered();
  Maintain(steps);
  return !current_->Complete() && current_->covered() > before;
}

void InProcessIndex::Remove(std::uint64_t key) {
  std::lock_guard lock(write_mutex_);
  current_->Remove(key);
  if (next_) next_->Remove(key);
  Maintain(kGraphSteps);
}

// While a large graph is being built, each published copy is a quarter larger than the last: all of
// them together cost a few times what the last one does.
bool InProcessIndex::WorthPublishing() const {
  if (!current_->graph()) return false;
  const std::size_t size = current_->covered();
  const std::size_t fresh = size - scan_from_;
  return fresh >= (current_->Complete() ? TailLimit(size) : std::max(TailLimit(size), size / 4));
}

Result<void> InProcessIndex::Extend(std::size_t graph_steps) {
  if (graph_steps == 0) return {};
  if (auto extended = current_->Extend(graph_steps); !extended) return extended;
  return WorthPublishing() ? Publish(*current_) : Result<void>();
}

// A failure (no memory) loses nothing: the present arrangement goes on serving, scanning more.
void InProcessIndex::Maintain(std::size_t graph_steps) {
  if (!next_ && current_->dead() >= kMinDead && current_->dead() > current_->live()) {
    next_ = std::make_unique<IndexGeneration>(options_, product_);
    moved_ = 0;
  }
  auto done = Extend(graph_steps);
  if (done && next_) done = MoveOn();
  if (!done) log::warn("{}", done.error().message);
  UpdateCounts();
}

Result<void> InProcessIndex::MoveOn() {
  const VectorStorage& from = current_->storage();
  const Slot end = std::min<Slot>(from.count(), moved_ + kMoveSteps);
  for (; moved_ < end; ++moved_) {
    // A key that next_ has already was written since the move began, and is newer there.
    if (!from.Alive(moved_, from.count()) || next_->Has(from.Key(moved_))) continue;
    next_->Put(from.Key(moved_), {from.Vector(moved_), options_.dimensions});
  }
  if (auto extended = next_->Extend(kGraphSteps); !extended) return extended;
  if (moved_ < from.count() || !next_->Complete()) return {};
  if (auto published = Publish(*next_); !published) return published;
  current_ = std::move(next_);
  return {};
}

Result<void> InProcessIndex::Publish(const IndexGeneration& generation) {
  auto view = std::make_unique<View>(&generation.storage());
  std::size_t frozen_bytes = 0;
  if (const HnswGraph* graph = generation.graph()) {
    auto frozen = graph->Freeze(views_.size());
    if (!frozen) return std::unexpected(frozen.error());
    frozen_bytes = (*frozen)->memory_bytes();
    view->scan_from = static_cast<Slot>((*frozen)->covered());
    view->graph = std::move(*frozen);
  }
  scan_from_ = view->scan_from;
  frozen_bytes_ = frozen_bytes;
  views_.Publish(std::move(view));
  return {};
}

void InProcessIndex::UpdateCounts() {
  size_ = current_->live();
  scans_all_ = !next_ && current_->live() < options_.exact_limit && !current_->graph();
  memory_bytes_ =
      sizeof *this + current_->memory_bytes() + frozen_bytes_ + (next_ ? next_->memory_bytes() : 0);
}

std::vector<Neighbour> InProcessIndex::Search(std::span<const Half> query,
                                              std::size_t count) const {
  if (count == 0 || query.size() != options_.dimensions || !IsFinite(query)) return {};
  const auto view = views_.Acquire();
  const VectorStorage& storage = *view->storage;
  const Slot end = storage.count();
  std::vector<SlotMatch> matches;
  if (view->graph) matches = view->graph->Search(query, count, end, view.reader());
  std::make_heap(matches.begin(), matches.end(), Nearer);
  for (Slot slot = view->scan_from; slot < end; ++slot) {
    if (!storage.Alive(slot, end)) continue;
    Keep(matches, count, {product_(query.data(), storage.Vector(slot)), slot});
  }
  std::sort_heap(matches.begin(), matches.end(), Nearer);

  std::vector<Neighbour> neighbours;
  neighbours.reserve(matches.size());
  for (const SlotMatch& match : matches) {
    neighbours.push_back({storage.Key(match.slot), match.cosine});
  }
  return neighbours;
}

}  // namespace

std::unique_ptr<VectorIndex> MakeVectorIndex(const VectorIndexOptions& options) {
  return std::make_unique<InProcessIndex>(options);
}

}  // namespace reprise
