#include "cache/snapshot_testing.h"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

namespace reprise {
namespace {

Digest FingerprintOf(int number) {
  return Sha256("fingerprint " + std::to_string(number));
}

Entry EntryOf(int number) {
  static std::atomic<int> images = 0;
  Entry entry;
  entry.scope = "default";
  entry.fingerprint = FingerprintOf(number);
  entry.compatibility = Sha256("partition " + std::to_string(number % 3));
  entry.prompt =
      "prompt " + std::to_string(number) + std::string(static_cast<std::size_t>(number) % 40, 'x');
  entry.model = "model";
  entry.params = "{}";
  entry.tags.assign(static_cast<std::size_t>(number) % 3, "tag");
  entry.created_ms = ++images;
  entry.cost_usd = number;
  for (int i = 0; i <= number % 2; ++i) {
    const std::string id = std::to_string(::getpid()) + "/" + std::to_string(++images);
    entry.images.push_back({.id = Sha256(id).Hex().substr(0, 32),
                            .blob = Sha256(id),
                            .media_type = "image/png",
                            .width = 8,
                            .height = 8,
                            .bytes = 100});
  }
  return entry;
}

std::vector<Half> VectorOf(int number) {
  std::mt19937 random(static_cast<unsigned>(number));
  std::normal_distribution<float> normal;
  std::vector<float> vector(SnapshotNode::kDimensions);
  float sum = 0;
  for (float& value : vector) {
    value = normal(random);
    sum += value * value;
  }
  for (float& value : vector) value /= std::sqrt(sum);
  return ToHalf(vector);
}

// All of an entry that is stored, in a form that can be compared.
std::string Text(const Entry& entry) {
  std::string text = std::to_string(entry.id) + entry.scope + entry.fingerprint.Hex() +
                     entry.compatibility.Hex() + entry.prompt + entry.model + entry.params +
                     std::to_string(entry.created_ms) + " " + std::to_string(entry.hits) + " " +
                     std::to_string(entry.last_used_ms) + " " + std::to_string(entry.cost_usd);
  for (const std::string& tag : entry.tags) text += "/" + tag;
  for (const StoredImage& image : entry.images) text += "/" + image.id + image.blob.Hex();
  return text;
}

// Something happens before the first question for changes.
class InterruptedHistory final : public EntryHistory {
 public:
  InterruptedHistory(EntryHistory& history, std::function<void()> meanwhile)
      : history_(history), meanwhile_(std::move(meanwhile)) {}

  Result<State> Read() const override { return history_.Read(); }
  Result<std::vector<std::uint64_t>> ChangedSince(std::uint64_t seq) const override {
    if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    return history_.ChangedSince(seq);
  }
  Result<std::uint64_t> CountUnchanged(std::uint64_t seq) const override {
    return history_.CountUnchanged(seq);
  }
  Result<void> ForEachIn(Range range, const EntryVisit& visit) const override {
    return history_.ForEachIn(range, visit);
  }
  Result<void> ForEachOf(const std::vector<std::uint64_t>& ids,
                         const EntryVisit& visit) const override {
    return history_.ForEachOf(ids, visit);
  }
  Task<Result<void>> SetSnapshot(std::string name, std::uint64_t seq) override {
    return history_.SetSnapshot(std::move(name), seq);
  }
  Task<Result<std::uint64_t>> Prune(std::uint64_t most) override { return history_.Prune(most); }

 private:
  EntryHistory& history_;
  mutable std::function<void()> meanwhile_;
};

}  // namespace

SnapshotNode::SnapshotNode(std::filesystem::path data, std::string embedder,
                           std::uint64_t least_changes, std::chrono::milliseconds pause)
    : data_(std::move(data)), embedder_(std::move(embedder)) {
  stores_ = Take(OpenSqliteStores(database()));
  semantic_ = std::make_unique<SemanticTier>(*verifier_, table_, kDimensions);
  keeper_ = std::make_unique<SnapshotKeeper>(SnapshotKeeper::Parts{
      .history = *stores_.history,
      .table = table_,
      .semantic = *semantic_,
      .workers = workers_,
      .context = io_.context(),
      .embedder = embedder_,
      .settings =
          {.place = place(), .least_changes = least_changes, .least_share = 0, .pause = pause},
      .free_disk = [this]() -> Result<std::uint64_t> { return free_disk.load(); },
      .keep_free = kKeepFree});
  const auto visit = [this](EntryPtr entry, StoredVector&& vector) {
    const Entry& record = entry->record();
    EntryUsage& usage = entry->usage();
    if (!usage.indexed) (void)semantic_->Append(record.compatibility, record.id, vector.values);
    usage.indexed = usage.indexed || !vector.values.empty();
    table_.Put(entry);
  };
  Take(keeper_->Load({.expect = [](std::uint64_t) {}, .visit = visit}));
}

SnapshotNode::~SnapshotNode() {
  keeper_->Stop();
  workers_.Join();
  io_.Stop();
}

EntryPtr SnapshotNode::Find(int number) const {
  return table_.Find(FingerprintOf(number));
}

void SnapshotNode::Put(int number, bool embedded) {
  Entry entry = EntryOf(number);
  StoredVector vector;
  if (embedded) vector = {embedder_, VectorOf(number)};
  entry.id = Take(Run(stores_.entries->Put(entry, vector)));
  const Digest partition = entry.compatibility;
  const std::uint64_t id = entry.id;
  table_.Put(std::make_shared<const CachedEntry>(std::move(entry), std::make_shared<EntryUsage>()));
  if (embedded) Take(semantic_->Add(partition, id, vector.values));
}

void SnapshotNode::SetVector(int number) {
  const EntryPtr entry = Find(number);
  if (!entry) return;
  const std::uint64_t id = entry->record().id;
  const std::vector<EntryVector> vectors{{id, {embedder_, VectorOf(number)}}};
  Take(Run(stores_.entries->PutVectors(vectors)));
  Take(semantic_->Add(entry->record().compatibility, id, vectors[0].vector.values));
}

void SnapshotNode::Remove(int number) {
  const EntryPtr entry = Find(number);
  if (!entry) return;
  semantic_->Remove(entry->record().compatibility, entry->record().id);
  table_.Remove(entry->record().id);
  Take(Run(stores_.entries->Remove({entry->record().id})));
}

void SnapshotNode::Use(int number) {
  const EntryPtr entry = Find(number);
  if (!entry) return;
  const std::vector<EntryUse> uses{
      {.entry = entry->record().id, .hits = 1, .last_used_ms = number}};
  Take(Run(stores_.entries->AddUse(uses)));
}

void SnapshotNode::WriteSnapshot() {
  FinishSnapshot(std::chrono::minutes(1));
}

void SnapshotNode::FinishSnapshot(std::chrono::milliseconds patience) {
  auto finish = [](SnapshotKeeper& keeper, std::chrono::milliseconds wait) -> Task<bool> {
    co_await keeper.Finish(wait);
    co_return true;
  };
  Run(finish(*keeper_, patience));
}

void SnapshotNode::KickSnapshot() {
  keeper_->Kick();
  while (keeper_->under_way() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Result<LoadReport> SnapshotNode::Load() {
  SemanticTier tier(*verifier_, table_, kDimensions);
  const SnapshotPlace from = place();
  return LoadEntries({*stores_.history, from, embedder_, tier},
                     {.expect = [](std::uint64_t) {}, .visit = [](EntryPtr, StoredVector&&) {}});
}

LoadReport SnapshotNode::LoadAndCompare(std::function<void()> meanwhile) {
  const InterruptedHistory history(*stores_.history, std::move(meanwhile));
  SemanticTier tier(*verifier_, table_, kDimensions);
  std::mutex mutex;
  std::map<std::uint64_t, Loaded> loaded;
  const SnapshotPlace from = place();
  std::uint64_t expected = 0;
  const auto visit = [&](EntryPtr entry, StoredVector&& vector) {
    std::lock_guard lock(mutex);
    const std::uint64_t id = entry->record().id;
    Loaded one{entry->record(), std::move(vector), entry->usage().indexed};
    EXPECT_TRUE(loaded.emplace(id, std::move(one)).second) << id << " came twice";
  };
  const auto report =
      LoadEntries({history, from, embedder_, tier},
                  {.expect = [&](std::uint64_t entries) { expected = entries; }, .visit = visit});
  EXPECT_GE(expected, loaded.size());
  EXPECT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->entries, loaded.size());
  Compare(loaded, tier);
  return report.value_or(LoadReport{});
}

void SnapshotNode::Compare(const std::map<std::uint64_t, Loaded>& loaded,
                           const SemanticTier& tier) {
  std::map<Digest, std::set<std::uint64_t>> indexed;
  for (const auto& [partition, index] : tier.Indexes()) {
    for (const std::uint64_t key : index->Keys()) indexed[partition].insert(key);
  }
  std::size_t stored = 0, in_indexes = 0;
  const auto read = stores_.entries->ForEach([&](Entry&& entry, StoredVector&& vector) {
    ++stored;
    const auto found = loaded.find(entry.id);
    ASSERT_NE(found, loaded.end()) << "entry " << entry.id << " is missing";
    EXPECT_EQ(Text(found->second.entry), Text(entry));
    const bool embedded = vector.embedder == embedder_;
    const bool has = indexed[entry.compatibility].contains(entry.id);
    EXPECT_EQ(has, found->second.indexed) << entry.id;
    in_indexes += has;
    if (!embedded) {
      EXPECT_FALSE(has) << entry.id;
    } else if (!has) {
      EXPECT_EQ(found->second.vector.values, vector.values) << entry.id;
    }
  });
  EXPECT_TRUE(read);
  EXPECT_EQ(stored, loaded.size());
  EXPECT_EQ(in_indexes, tier.vectors()) << "an index knows entries that are not stored";
}

}  // namespace reprise
