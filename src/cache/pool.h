// Which images of an entry's pool answer a request. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/entry_table.h"
#include "cache/generation.h"
#include "cache/serving.h"

namespace reprise {

// What may be served at a moment.
struct PoolFilter {
  std::int64_t now_ms = 0;
  std::optional<std::int64_t> made_since_ms;  // images made before that are too old
  std::vector<std::string> unreadable;        // ids of images that could not be read just now
  // The request names a seed: of several images in an entry, which earlier versions kept, nobody
  // knows which is that seed's.
  bool single = false;

  bool Admits(const StoredImage& image) const;
};

// They live as long as `entry`.
std::vector<const StoredImage*> UsableImages(const CachedEntry& entry, const PoolFilter& filter);

// Why none of an entry's images is usable.
std::string WhyUnusable(const CachedEntry& entry, const PoolFilter& filter);

// `count` of the images, fewer when there are fewer; repeats rotate through them.
std::vector<Pick> PickRotating(const std::vector<const StoredImage*>& images, EntryUsage& usage,
                               int count);

// For picks that were not used after all: the next request gets them.
void ReturnTurn(EntryUsage& usage, int count);

// The fresh images first, then the pool's others: what a request that waited gets.
std::vector<Pick> PickFresh(const Fresh& fresh, std::size_t count, const PoolFilter& filter);

}  // namespace reprise
