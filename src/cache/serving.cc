#include "cache/serving.h"

#include "base/log.h"

namespace reprise {
namespace {

std::string Etag(const StoredImage& image, const Rendition& rendition) {
  std::string tag = "\"" + image.blob.Hex().substr(0, 32);
  if (!rendition.IsOriginal(image)) {
    tag += "-" + ToString(rendition.size) + "-" + std::string(Extension(rendition.format)) + "-" +
           std::to_string(rendition.quality);
  }
  return tag + "\"";
}

}  // namespace

Task<Result<Reply>> Serving::ServeAll(std::vector<Pick> picks, Delivery delivery, ImageSize size) {
  Reply reply;
  const Use wanted = delivery.sent_as_is ? Use::kSend : Use::kBytes;
  for (Pick& pick : picks) {
    const Rendition rendition = RenditionFor(pick.image, delivery, size);
    const bool stored = parts_.table.FindImage(pick.image.id).has_value();
    const Rendition original = RenditionFor(pick.image, {}, size);
    auto served = co_await Serve(pick, rendition, delivery.bytes || !stored ? wanted : Use::kName);
    // Better another format than none; a hit's format is no reason to generate it again either.
    if (!served && original.IsOriginal(pick.image) && !rendition.IsOriginal(pick.image)) {
      log::warn("image {} is served as stored: {}", pick.image.id, served.error().message);
      served = co_await Serve(pick, original, wanted);
    }
    if (!served) co_return std::unexpected(served.error());
    if (!stored) served->name.clear();
    reply.images.push_back(std::move(*served));
  }
  co_return reply;
}

Task<Result<ServedImage>> Serving::Serve(Pick pick, Rendition rendition, Use use) {
  const ImageSize stored_size{pick.image.width, pick.image.height};
  const ImageSize size = rendition.size.automatic() ? stored_size : rendition.size;
  ServedImage served{.bytes = nullptr,
                     .file = nullptr,
                     .blob = pick.image.blob,
                     .name = RenditionName(pick.image.id, rendition),
                     .media_type = std::string(MediaType(rendition.format)),
                     .etag = Etag(pick.image, rendition),
                     .revised_prompt = pick.image.revised_prompt,
                     .width = size.width,
                     .height = size.height};
  if (use == Use::kName) {
    const auto there = co_await parts_.library.Check(pick.image);
    if (there) co_return served;
    co_await NoteUnreadable(pick.image, there.error());
    co_return std::unexpected(there.error());
  }
  const bool original = rendition.IsOriginal(pick.image);
  const std::string_view form = original ? std::string_view() : served.etag;
  if (use == Use::kSend) {
    served.file = parts_.library.hot().GetFile(served.blob, form);
    if (served.file) co_return served;
  }
  if (!original) served.bytes = parts_.library.hot().Get(served.blob, form);
  if (served.bytes) co_return served;
  auto stored = co_await Original(pick);
  if (!stored) co_return std::unexpected(stored.error());
  if (original) {
    served.bytes = std::move(*stored);
    co_return served;
  }
  auto rendered = co_await Render(std::move(*stored), rendition);
  if (!rendered) co_return std::unexpected(rendered.error());
  served.bytes = ShareBytes(std::move(*rendered));
  parts_.library.Keep(pick.image, form, served.bytes);
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
