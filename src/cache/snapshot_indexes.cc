#include "cache/snapshot_indexes.h"

#include <algorithm>

namespace reprise {

Result<void> SnapshotIndexes::Read(const SnapshotFile& file, std::size_t blob) {
  Index& index = indexes_[blob];
  const auto partition = Digest::FromRaw(file.BlobKey(blob));
  if (!partition) return Fail(Code::kCorrupt, "an index in it is of no partition");
  const auto options = SemanticTier::OptionsFor(file.title().dimensions);
  auto load = [&](std::size_t size, const SnapshotFile::BlobSource& source) -> Result<void> {
    auto loaded = LoadVectorIndex(options, size, source);
    if (!loaded) return std::unexpected(loaded.error());
    index.index = std::move(*loaded);
    return {};
  };
  if (auto read = file.ReadBlob(blob, load); !read) return read;
  index.partition = *partition;
  index.keys = index.index->Keys();
  std::ranges::sort(index.keys);
  index.taken.assign(index.keys.size(), 0);
  return {};
}

void SnapshotIndexes::HandOver(SemanticTier& tier, std::size_t dimensions) {
  for (Index& index : indexes_) {
    by_partition_[index.partition] = &index;
    tier.Adopt(index.partition, index.index, dimensions);
  }
}

bool SnapshotIndexes::Take(const Entry& entry) {
  const auto found = by_partition_.find(entry.compatibility);
  if (found == by_partition_.end()) return false;
  Index& index = *found->second;
  const auto key = std::ranges::lower_bound(index.keys, entry.id);
  if (key == index.keys.end() || *key != entry.id) return false;
  index.taken[static_cast<std::size_t>(key - index.keys.begin())] = 1;
  return true;
}

void SnapshotIndexes::RemoveOthers() {
  for (Index& index : indexes_) {
    for (std::size_t i = 0; i < index.keys.size(); ++i) {
      if (!index.taken[i]) index.index->Remove(index.keys[i]);
    }
  }
}

}  // namespace reprise
