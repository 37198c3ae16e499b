#include "cache/generation.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "upstream/image_check.h"

namespace reprise {
namespace {

// Images kept for one fingerprint however many were asked for with seed -1.
constexpr std::size_t kPoolLimit = 10;

std::string NewImageId() {
  std::array<unsigned char, 16> random;
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  return HexEncode({reinterpret_cast<const char*>(random.data()), random.size()});
}

std::int64_t MillisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

GenerateRequest ForUpstream(const ImageRequest& request, int count, Deadline deadline) {
  std::vector<GenerateInput> inputs;
  for (const InputImage& input : request.inputs) {
    inputs.push_back({input.role, input.bytes, input.media_type});
  }
  return {.model = request.model,
          .operation = request.operation,
          .inputs = std::move(inputs),
          .tenant = request.tenant,
          .prefer = request.prefer,
          .prompt = request.prompt,
          .count = count,
          .width = request.size.width,
          .height = request.size.height,
          .seed = request.seed,
          .params = request.params,
          .user = request.user,
          .deadline = deadline};
}

}  // namespace

Task<Result<FreshPtr>> Generation::Run(std::shared_ptr<const Job> job, int count,
                                       StorePolicy policy) {
  auto fresh = std::make_shared<Fresh>();
  const auto asked = co_await AskUpstream(*job, count, *fresh);
  if (!asked) co_return std::unexpected(asked.error());
  if (policy != StorePolicy::kNone) co_await Store(*job, policy, *fresh);
  co_return fresh;
}

double Generation::ImageCost(const ImageRequest& request) const {
  const GenerateRequest asked = ForUpstream(request, 1, Deadline::max());
  const auto price = parts_.upstream.ImagePrice(asked);
  return price ? *price : PriceOf(parts_.prices, asked);
}

Task<Result<void>> Generation::AskUpstream(const Job& job, int count, Fresh& fresh) {
  const Deadline deadline = After(parts_.settings.request_timeout);
  for (int missing = count; missing > 0; missing = count - static_cast<int>(fresh.images.size())) {
    auto asked = co_await Ask(job, missing, deadline, fresh);
    if (asked) continue;
    if (fresh.images.empty()) co_return asked;
    break;
  }
  co_return Result<void>();
}

Task<Result<void>> Generation::Ask(const Job& job, int count, Deadline deadline, Fresh& fresh) {
  const std::size_t before = fresh.images.size();
  const auto start = std::chrono::steady_clock::now();
  auto generated = co_await parts_.upstream.Generate(ForUpstream(*job.request, count, deadline));
  std::int64_t took = MillisSince(start);
  Result<void> kept;
  if (generated) {
    if (generated->took) took = generated->took->count();
    fresh.created_ms = parts_.clock.NowMs();
    // Stored with each image, so that hits repeat what the model said too.
    for (GeneratedImage& image : generated->images) {
      if (image.revised_prompt.empty()) image.revised_prompt = generated->text;
    }
    kept = co_await Keep(std::move(generated->images), deadline, fresh);
    if (fresh.usage.empty()) fresh.usage = std::move(generated->usage);
  } else {
    kept = std::unexpected(generated.error());
  }
  fresh.generation_ms = std::max(fresh.generation_ms, took);
  if (!kept) {
    if (kept.error().code == Code::kOverloaded) co_return kept;  // nobody was asked
    parts_.stats.CountUpstreamError();
    parts_.tenants.Of(job.request->tenant).CountUpstreamError();
    log::warn("upstream {}: {}", parts_.upstream.name(), kept.error().message);
    co_return kept;
  }
  const auto made = static_cast<double>(fresh.images.size() - before);
  const double usd = made * generated->image_usd.value_or(ImageCost(*job.request));
  fresh.image_cost_usd = (fresh.image_cost_usd * static_cast<double>(before) + usd) /
                         static_cast<double>(fresh.images.size());
  fresh.upstream = std::move(generated->upstream);
  const auto images = static_cast<std::uint64_t>(made);
  parts_.stats.CountUpstream(images, usd, took);
  parts_.tenants.Of(job.request->tenant).CountUpstream(images, usd, took);
  co_return kept;
}

// An error when none of the images can be used.
Task<Result<void>> Generation::Keep(std::vector<GeneratedImage> images, Deadline deadline,
                                    Fresh& fresh) {
  Error fault{.code = Code::kBadUpstream, .message = "the upstream gave no image"};
  bool any = false;
  for (GeneratedImage& image : images) {
    const auto info = co_await Check(image, deadline);
    if (!info) {
      fault = info.error();
      continue;
    }
    any = true;
    StoredImage stored{.id = NewImageId(),
                       .blob = Sha256(*image.bytes),
                       .media_type = std::string(MediaType(info->format)),
                       .width = info->width,
                       .height = info->height,
                       .bytes = image.bytes->size(),
                       .revised_prompt = std::move(image.revised_prompt),
                       .created_ms = fresh.created_ms,
                       .expires_ms = 0};
    fresh.images.push_back({std::move(stored), image.bytes});
  }
  if (!any) co_return std::unexpected(std::move(fault));
  co_return Result<void>();
}

Task<Result<ImageInfo>> Generation::Check(const GeneratedImage& image, Deadline deadline) {
  if (image.info) co_return *image.info;
  co_return co_await CheckPaidImage(parts_.workers, image.bytes, parts_.settings.image_limits,
                                    deadline);
}

std::size_t Generation::waiting() const {
  std::size_t all = 0;
  for (const UpstreamStatus& upstream : parts_.upstream.Status()) all += upstream.waiting;
  return all;
}

Task<> Generation::Store(const Job& job, StorePolicy policy, Fresh& fresh) {
  const std::int64_t expires_ms = Expiry(*job.request, fresh.created_ms);
  for (FreshImage& made : fresh.images) made.image.expires_ms = expires_ms;
  Draft draft{.entry = MakeEntry(job, fresh),
              .vector = {},
              .images = fresh.images,
              // An entry of a seed has that seed's image and no other.
              .replace = policy == StorePolicy::kReplace || job.request->seed.has_value(),
              .pool_limit = std::max(kPoolLimit, static_cast<std::size_t>(job.request->count))};
  if (job.embedding) draft.vector = {parts_.embedder, ToHalf(*job.embedding)};
  auto entry = co_await PublishInRoom(std::move(draft));
  if (entry) {
    fresh.entry = std::move(*entry);
    parts_.stats.NoteStored("");
    co_return;
  }
  parts_.stats.CountDegraded(Part::kStore);
  fresh.store_error = entry.error().message;
  parts_.stats.NoteStored(fresh.store_error);
  log::error("an image is served but not stored: {}", fresh.store_error);
}

Task<Result<EntryPtr>> Generation::PublishInRoom(Draft draft) {
  const std::size_t images = draft.images.size();
  std::uint64_t bytes = 0;
  for (const FreshImage& made : draft.images) bytes += made.image.bytes;
  draft.joins = parts_.library.Has(draft.entry.fingerprint);
  for (;; draft.joins = false) {
    auto room = co_await parts_.evictor.MakeRoom(bytes, !draft.joins);
    if (!room) {
      const bool disk = room.error().code == Code::kUnavailable;
      parts_.stats.CountNotStored(disk ? NotStored::kDisk : NotStored::kFull, images);
      co_return std::unexpected(room.error());
    }
    auto entry = co_await parts_.library.Publish(draft);
    // Removed while there was no room, perhaps for this very image: it takes an entry's room, too.
    if (!entry && draft.joins && entry.error().code == Code::kConflict) continue;
    if (!entry) parts_.stats.CountNotStored(NotStored::kError, images);
    parts_.evictor.Kick();
    co_return entry;
  }
}

Entry Generation::MakeEntry(const Job& job, const Fresh& fresh) const {
  const ImageRequest& request = *job.request;
  return {.scope = job.identity.scope,
          .fingerprint = job.identity.fingerprint,
          .compatibility = job.identity.compatibility,
          .prompt = request.prompt,
          .model = request.model,
          .bucket = job.identity.bucket,
          .width = request.size.width,
          .height = request.size.height,
          .params = request.params,
          .category = request.category,
          .tags = request.tags,
          .created_ms = fresh.created_ms,
          .cost_usd = fresh.image_cost_usd,
          .generation_ms = fresh.generation_ms};
}

// The shortest of what the operator set for all, for the request's tags, and what the request asks.
std::int64_t Generation::Expiry(const ImageRequest& request, std::int64_t created_ms) const {
  std::optional<std::int64_t> ttl;
  const auto limit = [&ttl](std::int64_t ms) { ttl = std::min(ttl.value_or(ms), ms); };
  if (parts_.settings.ttl_ms > 0) limit(parts_.settings.ttl_ms);
  for (const std::string& tag : request.tags) {
    const auto found = parts_.settings.tag_ttl_ms.find(tag);
    if (found != parts_.settings.tag_ttl_ms.end()) limit(found->second);
  }
  if (request.control.ttl_ms) limit(std::max<std::int64_t>(1, *request.control.ttl_ms));
  return ttl ? created_ms + *ttl : 0;
}

}  // namespace reprise
