#include "store/snapshot_record.h"

#include <bit>
#include <cmath>

namespace reprise {
namespace {

static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

// An image with empty texts; a tag of no length.
constexpr std::size_t kLeastImage = 3 * sizeof(std::uint32_t) + sizeof(Digest);
constexpr std::size_t kLeastTag = sizeof(std::uint32_t);

// Fields in the order of both directions: `archive` puts or gets.
template <class Archive, class Image>
void ImageFields(Archive& archive, Image& image) {
  const auto fields = [&](auto&... field) { (archive(field), ...); };
  fields(image.id, image.blob, image.media_type, image.width, image.height, image.bytes,
         image.revised_prompt, image.created_ms, image.expires_ms);
}

template <class Archive, class AnyEntry>
void EntryFields(Archive& archive, AnyEntry& entry) {
  const auto fields = [&](auto&... field) { (archive(field), ...); };
  fields(entry.id, entry.scope, entry.fingerprint, entry.compatibility, entry.prompt, entry.model,
         entry.bucket, entry.width, entry.height, entry.params, entry.category, entry.created_ms,
         entry.expires_ms, entry.cost_usd, entry.generation_ms, entry.hits, entry.last_used_ms);
}

}  // namespace

void PutRecord(std::string& out, const Entry& entry, bool embedded) {
  RecordWriter writer(out);
  const auto put = [&](const auto& field) { writer.Put(field); };
  EntryFields(put, entry);
  writer.Put(static_cast<std::uint32_t>(entry.tags.size()));
  for (const std::string& tag : entry.tags) writer.Put(tag);
  writer.Put(static_cast<std::uint32_t>(entry.images.size()));
  for (const StoredImage& image : entry.images) ImageFields(put, image);
  writer.Put(static_cast<std::uint8_t>(embedded));
}

bool GetRecord(RecordReader& reader, Entry& entry, bool& embedded) {
  const auto get = [&](auto& field) { reader.Get(field); };
  EntryFields(get, entry);
  entry.tags.resize(reader.GetCount(kLeastTag));
  for (std::string& tag : entry.tags) reader.Get(tag);
  entry.images.resize(reader.GetCount(kLeastImage));
  for (StoredImage& image : entry.images) ImageFields(get, image);
  std::uint8_t flag = 0;
  reader.Get(flag);
  embedded = flag == 1;
  if (flag > 1 || entry.images.empty() || std::isnan(entry.cost_usd)) return false;
  return reader.ok();
}

}  // namespace reprise
