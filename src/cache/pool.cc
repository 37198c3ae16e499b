#include "cache/pool.h"

#include <algorithm>
#include <ranges>

namespace reprise {
namespace {

bool MixesSeeds(const CachedEntry& entry, const PoolFilter& filter) {
  return filter.single && entry.record().images.size() > 1;
}

}  // namespace

bool PoolFilter::Admits(const StoredImage& image) const {
  if (ExpiredAt(image, now_ms)) return false;
  if (made_since_ms && image.created_ms < *made_since_ms) return false;
  return std::ranges::find(unreadable, image.id) == unreadable.end();
}

std::vector<const StoredImage*> UsableImages(const CachedEntry& entry, const PoolFilter& filter) {
  std::vector<const StoredImage*> images;
  if (MixesSeeds(entry, filter)) return images;
  for (const StoredImage& image : entry.record().images) {
    if (filter.Admits(image)) images.push_back(&image);
  }
  return images;
}

std::string WhyUnusable(const CachedEntry& entry, const PoolFilter& filter) {
  if (entry.ExpiredAt(filter.now_ms)) return "expired";
  if (MixesSeeds(entry, filter)) return "with images of several seeds";
  const PoolFilter any_age{
      .now_ms = filter.now_ms, .made_since_ms = {}, .unreadable = filter.unreadable};
  return UsableImages(entry, any_age).empty() ? "unreadable" : "older than max-age";
}

std::vector<Pick> PickRotating(const std::vector<const StoredImage*>& images, EntryUsage& usage,
                               int count) {
  const std::size_t start =
      usage.rotation.fetch_add(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
  const std::size_t wanted = std::min(images.size(), static_cast<std::size_t>(count));
  std::vector<Pick> picks;
  picks.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    picks.push_back({*images[(start + i) % images.size()], nullptr});
  }
  return picks;
}

void ReturnTurn(EntryUsage& usage, int count) {
  usage.rotation.fetch_sub(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
}

std::vector<Pick> PickFresh(const Fresh& fresh, std::size_t count, const PoolFilter& filter) {
  std::vector<Pick> picks;
  for (const FreshImage& made : fresh.images) {
    if (picks.size() < count) picks.push_back({made.image, made.bytes});
  }
  if (!fresh.entry) return picks;
  for (const StoredImage* image : UsableImages(*fresh.entry, filter)) {
    const bool have =
        std::ranges::any_of(picks, [&](const Pick& pick) { return pick.image.id == image->id; });
    if (!have && picks.size() < count) picks.push_back({*image, nullptr});
  }
  return picks;
}

}  // namespace reprise
