#include "cache/serving.h"

#include "base/bytes.h"
#include "base/log.h"

namespace reprise {
namespace {

std::string Etag(const StoredImage& image, const Rendition& rendition) {
  constexpr std::size_t kUsualSize = 64;
  std::string tag;
  tag.reserve(kUsualSize);
  tag.append("\"").append(HexEncode(image.blob.View().substr(0, 16)));
  if (!rendition.IsOriginal(image)) {
    tag += "-" + ToString(rendition.size) + "-" + std::string(Extension(rendition.format)) + "-" +
           std::to_string(rendition.quality);
  }
  return tag.append("\"");
}

// All but the bytes.
ServedImage Describe(const StoredImage& image, const Rendition& rendition) {
  const ImageSize stored_size{image.width, image.height};
  const ImageSize size = rendition.size.automatic() ? stored_size : rendition.size;
  return {.bytes = nullptr,
          .file = nullptr,
          .blob = image.blob,
          .name = RenditionName(image.id, rendition),
          .media_type = std::string(MediaType(rendition.format)),
          .etag = Etag(image, rendition),
          .revised_prompt = image.revised_prompt,
          .width = size.width,
          .height = size.height};
}

// What its bytes are kept under in memory.
std::string_view FormOf(const ServedImage& served, bool original) {
  return original ? std::string_view() : std::string_view(served.etag);
}

Serving::Use UseFor(const Delivery& delivery, bool stored) {
  if (!delivery.bytes && stored) return Serving::Use::kName;
  return delivery.sent_as_is ? Serving::Use::kSend : Serving::Use::kBytes;
}

}  // namespace

std::optional<Reply> Serving::AllFromMemory(const std::vector<Pick>& picks,
                                            const Delivery& delivery, ImageSize size) {
  Reply reply;
  reply.images.reserve(picks.size());
  for (const Pick& pick : picks) {
    const bool stored = IsStored(pick.image);
    auto served =
        FromMemory(pick, RenditionFor(pick.image, delivery, size), UseFor(delivery, stored));
    if (!served) return std::nullopt;
    if (!stored) served->name.clear();
    reply.images.push_back(std::move(*served));
  }
  return reply;
}

std::optional<ServedImage> Serving::FromMemory(const Pick& pick, const Rendition& rendition,
                                               Use use) {
  BytesCache& hot = parts_.library.hot();
  const bool original = rendition.IsOriginal(pick.image);
  ServedImage served = Describe(pick.image, rendition);
  const std::string_view form = FormOf(served, original);
  if (use == Use::kName) {
    if (!hot.Has(served.blob)) return std::nullopt;
    return served;
  }
  if (use == Use::kSend) {
    served.file = hot.GetFile(served.blob, form);
    if (served.file) return served;
  }
  served.bytes = original && pick.bytes ? pick.bytes : hot.Get(served.blob, form);
  if (!served.bytes) return std::nullopt;
  return served;
}

Task<Result<Reply>> Serving::ServeAll(std::vector<Pick> picks, Delivery delivery, ImageSize size) {
  Reply reply;
  for (Pick& pick : picks) {
    const Rendition rendition = RenditionFor(pick.image, delivery, size);
    const bool stored = IsStored(pick.image);
    const Rendition original = RenditionFor(pick.image, {}, size);
    auto served = co_await Serve(pick, rendition, UseFor(delivery, stored));
    // Better another format than none; a hit's format is no reason to generate it again either.
    if (!served && original.IsOriginal(pick.image) && !rendition.IsOriginal(pick.image)) {
      log::warn("image {} is served as stored: {}", pick.image.id, served.error().message);
      served = co_await Serve(pick, original, UseFor(delivery, false));
    }
    if (!served) co_return std::unexpected(served.error());
    if (!stored) served->name.clear();
    reply.images.push_back(std::move(*served));
  }
  co_return reply;
}

Task<Result<ServedImage>> Serving::Serve(Pick pick, Rendition rendition, Use use) {
  if (auto served = FromMemory(pick, rendition, use)) co_return std::move(*served);
  ServedImage served = Describe(pick.image, rendition);
  if (use == Use::kName) {
    const auto there = co_await parts_.library.Check(pick.image);
    if (there) co_return served;
    co_await NoteUnreadable(pick.image, there.error());
    co_return std::unexpected(there.error());
  }
  auto stored = co_await Original(pick);
  if (!stored) co_return std::unexpected(stored.error());
  const bool original = rendition.IsOriginal(pick.image);
  if (original) {
    served.bytes = std::move(*stored);
    co_return served;
  }
  auto rendered = co_await Render(std::move(*stored), rendition);
  if (!rendered) co_return std::unexpected(rendered.error());
  served.bytes = ShareBytes(std::move(*rendered));
  parts_.library.Keep(pick.image, FormOf(served, original), served.bytes);
  co_return served;
}

Task<Result<SharedBytes>> Serving::Original(const Pick& pick) {
  if (pick.bytes) co_return pick.bytes;
  auto bytes = co_await parts_.library.Bytes(pick.image);
  if (bytes) co_return bytes;
  co_await NoteUnreadable(pick.image, bytes.error());
  co_return bytes;
}

Task<> Serving::NoteUnreadable(const StoredImage& image, Error error) {
  const bool gone = error.code == Code::kNotFound && !parts_.table.FindImage(image.id);
  if (gone) co_return;  // removed while it was on its way
  log::error("{}", error.message);
  if (error.code != Code::kCorrupt && error.code != Code::kNotFound) co_return;
  parts_.stats.CountDegraded(Part::kBlobs);
  const std::string id = image.id;
  const auto found = parts_.table.FindImage(id);
  if (found) co_await parts_.library.Drop(found->entry->record().id, id);
}

Task<Result<std::string>> Serving::Render(SharedBytes bytes, Rendition rendition) {
  auto work = [bytes, rendition] {
    return RenderImage(*bytes, {.width = rendition.size.width,
                                .height = rendition.size.height,
                                .format = rendition.format,
                                .quality = rendition.quality});
  };
  co_return co_await parts_.workers.Run(std::move(work));
}

}  // namespace reprise
