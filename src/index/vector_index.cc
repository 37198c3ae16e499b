// One writer at a time brings vectors into the storage and then into its graph, while readers go
// through both; what the graph does not hold yet is scanned. So neither side waits for the other.
#include "index/vector_index.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/reader_slots.h"
#include "index/generation.h"

namespace reprise {
namespace {

// Vectors that one write brings into a graph at most: bounds what an Add may take.
constexpr std::size_t kGraphSteps = 4;
// Vectors that one write copies into a new generation at most.
constexpr std::size_t kMoveSteps = 16;
// Fewer dead vectors than this are not worth a new generation.
constexpr std::size_t kMinDead = 64;

// More readers at once than processors only happens when they are preempted.
std::size_t ReaderCount() {
  return std::clamp<std::size_t>(2 * std::thread::hardware_concurrency(), 16, 128);
}

bool IsFinite(std::span<const Half> vector) {
  return std::none_of(vector.begin(), vector.end(),
                      [](Half half) { return (half & 0x7c00) == 0x7c00; });
}

class InProcessIndex final : public VectorIndex {
 public:
  explicit InProcessIndex(const VectorIndexOptions& options)
      : InProcessIndex(options, std::make_shared<IndexGeneration>(options)) {}
  InProcessIndex(const VectorIndexOptions& options, std::shared_ptr<IndexGeneration> generation)
      : options_(options),
        current_(std::move(generation)),
        views_(ReaderCount(), std::make_unique<View>(current_)) {
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

  Result<void> Save(const Sink& sink) override;
  std::vector<std::uint64_t> Keys() const override {
    std::lock_guard lock(write_mutex_);
    return current_->Keys();
  }

  std::size_t unsettled() const override { return unsettled_.load(); }
  bool scans_all() const override { return scans_all_.load(); }
  std::size_t size() const override { return size_.load(); }
  std::size_t memory_bytes() const override { return memory_bytes_.load(); }

 private:
  using View = std::shared_ptr<const IndexGeneration>;

  Result<void> Put(std::uint64_t key, std::span<const Half> vector, std::size_t graph_steps);
  void Maintain(std::size_t graph_steps);
  void MoveOn();
  void UpdateCounts();

  const VectorIndexOptions options_;
  mutable std::mutex write_mutex_;
  std::shared_ptr<IndexGeneration> current_;
  // Gathers what is alive in current_; then takes its place.
  std::shared_ptr<IndexGeneration> next_;
  Slot moved_ = 0;  // slots of current_ that next_ has gone through
  std::atomic<bool> scans_all_ = true;
  std::atomic<std::size_t> size_ = 0, unsettled_ = 0, memory_bytes_ = 0;
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
  Maintain(steps);
  return !current_->Complete();
}

void InProcessIndex::Remove(std::uint64_t key) {
  std::lock_guard lock(write_mutex_);
  current_->Remove(key);
  if (next_) next_->Remove(key);
  Maintain(kGraphSteps);
}

void InProcessIndex::Maintain(std::size_t graph_steps) {
  if (!next_ && current_->dead() >= kMinDead && current_->dead() > current_->live()) {
    next_ = std::make_shared<IndexGeneration>(options_);
    moved_ = 0;
  }
  current_->Extend(graph_steps);
  if (next_) MoveOn();
  UpdateCounts();
}

void InProcessIndex::MoveOn() {
  const VectorStorage& from = current_->storage();
  const Slot end = std::min<Slot>(from.count(), moved_ + kMoveSteps);
  for (; moved_ < end; ++moved_) {
    // A key that next_ has already was written since the move began, and is newer there.
    if (!from.Alive(moved_, from.count()) || next_->Has(from.Key(moved_))) continue;
    next_->PutCopy(*current_, moved_);
  }
  next_->Extend(kGraphSteps);
  if (moved_ < from.count() || !next_->Complete()) return;
  views_.Publish(std::make_unique<View>(next_));
  current_ = std::move(next_);
}

void InProcessIndex::UpdateCounts() {
  size_ = current_->live();
  unsettled_ = current_->Complete() ? 0 : current_->storage().count() - current_->covered();
  scans_all_ = !next_ && current_->live() < options_.exact_limit && current_->covered() == 0;
  memory_bytes_ = sizeof *this + current_->memory_bytes() + (next_ ? next_->memory_bytes() : 0);
}

std::vector<Neighbour> InProcessIndex::Search(std::span<const Half> query,
                                              std::size_t count) const {
  if (count == 0 || query.size() != options_.dimensions || !IsFinite(query)) return {};
  const auto view = views_.Acquire();
  return (*view)->Search(query, count);
}

Result<void> InProcessIndex::Save(const Sink& sink) {
  std::unique_lock lock(write_mutex_);
  const std::shared_ptr<const IndexGeneration> generation = current_;
  const SavedIndex saved = generation->Save();
  lock.unlock();
  return saved.Write(sink);
}

}  // namespace

std::unique_ptr<VectorIndex> MakeVectorIndex(const VectorIndexOptions& options) {
  return std::make_unique<InProcessIndex>(options);
}

Result<std::unique_ptr<VectorIndex>> LoadVectorIndex(const VectorIndexOptions& options,
                                                     std::size_t size, SavedReader::Source source) {
  auto generation = IndexGeneration::Load(options, {size, std::move(source)});
  if (!generation) return std::unexpected(generation.error());
  return std::make_unique<InProcessIndex>(options, std::move(*generation));
}

Result<std::unique_ptr<VectorIndex>> LoadVectorIndex(const VectorIndexOptions& options,
                                                     std::span<const std::byte> bytes) {
  auto source = [rest = bytes](std::span<std::byte> out) mutable -> Result<void> {
    std::ranges::copy(rest.first(out.size()), out.begin());
    rest = rest.subspan(out.size());
    return {};
  };
  return LoadVectorIndex(options, bytes.size(), std::move(source));
}

}  // namespace reprise
