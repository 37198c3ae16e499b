#include "cache/generation.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace reprise {
namespace {

// Images kept for one fingerprint however many were asked for with seed -1.
constexpr std::size_t kPoolLimit = 10;

std::string NewImageId() {
  std::array<unsigned char, 16> random;
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  return HexEncode({reinterpret_cast<const char*>(random.data()), random.size()});
}

// For the price: what the request says, empty when nothing.
std::string QualityOf(const ImageRequest& request) {
  const auto params = nlohmann::json::parse(request.params, nullptr, false);
  if (!params.is_object()) return {};
  const auto quality = params.find("quality");
  return quality != params.end() && quality->is_string() ? quality->get<std::string>() : "";
}

GenerateRequest ForUpstream(const ImageRequest& request, int count, Deadline deadline) {
  return {.model = request.model,
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

Generation::Generation(Parts parts)
    : parts_(std::move(parts)),
      places_(parts_.settings.upstream_concurrency, parts_.settings.upstream_queue) {}

Task<Result<FreshPtr>> Generation::Run(std::shared_ptr<const Job> job, int count,
                                       StorePolicy policy) {
  auto fresh = std::make_shared<Fresh>();
  const auto start = std::chrono::steady_clock::now();
  auto generated = co_await AskUpstream(*job, count, *fresh);
  if (!generated) co_return std::unexpected(generated.error());
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  fresh->usage = std::move(generated->usage);
  fresh->created_ms = parts_.clock.NowMs();
  const auto checked = co_await Check(std::move(generated->images), *fresh);
  if (!checked) {
    parts_.stats.CountUpstreamError();
    co_return std::unexpected(checked.error());
  }
  parts_.stats.CountUpstream(fresh->images.size(),
                             fresh->image_cost_usd * static_cast<double>(fresh->images.size()),
                             took.count());
  if (policy != StorePolicy::kNone) co_await Store(*job, policy, took.count(), *fresh);
  co_return fresh;
}

Task<Result<Generated>> Generation::AskUpstream(const Job& job, int count, Fresh& fresh) {
  const ImageRequest& request = *job.request;
  const Deadline deadline = After(parts_.settings.request_timeout);
  auto place = co_await places_.Acquire(deadline);
  if (!place) {
    Error error = place.error();
    error.message = "the upstream is busy with " +
                    std::to_string(parts_.settings.upstream_concurrency) +
                    " generations and " + std::to_string(places_.waiting()) +
                    " are waiting; try again later (settings upstream.concurrency, upstream.queue)";
    error.retry_after_ms = 1000;
    co_return std::unexpected(std::move(error));
  }
  auto generated = co_await parts_.upstream.Generate(ForUpstream(request, count, deadline));
  if (!generated) {
    parts_.stats.CountUpstreamError();
    log::warn("upstream {}: {}", parts_.upstream.name(), generated.error().message);
  }
  fresh.image_cost_usd = parts_.prices.PerImage(request.model, QualityOf(request),
                                                request.size.width, request.size.height);
  co_return generated;
}

Task<Result<void>> Generation::Check(std::vector<GeneratedImage> images, Fresh& fresh) {
  for (GeneratedImage& image : images) {
    const SharedBytes bytes = image.bytes;
    const ImageLimits limits = parts_.settings.image_limits;
    auto work = [bytes, limits] { return CheckImage(*bytes, limits); };
    const auto info = co_await parts_.workers.Run(std::move(work));
    if (!info) {
      Error error = info.error();
      error.message = "the upstream's image cannot be used: " + error.message;
      if (error.code != Code::kOverloaded) error.code = Code::kBadUpstream;
      co_return std::unexpected(std::move(error));
    }
    StoredImage stored{.id = NewImageId(),
                       .blob = Sha256(*bytes),
                       .media_type = std::string(MediaType(info->format)),
                       .width = info->width,
                       .height = info->height,
                       .bytes = bytes->size(),
                       .revised_prompt = std::move(image.revised_prompt),
                       .created_ms = fresh.created_ms};
    fresh.images.push_back({std::move(stored), bytes});
  }
  co_return Result<void>();
}

Task<> Generation::Store(const Job& job, StorePolicy policy, std::int64_t generation_ms,
                         Fresh& fresh) {
  Draft draft{.entry = MakeEntry(job, generation_ms, fresh),
              .vector = {},
              .images = fresh.images,
              .replace = policy == StorePolicy::kReplace,
              .pool_limit = std::max(kPoolLimit, static_cast<std::size_t>(job.request->count))};
  if (job.embedding) draft.vector = {parts_.embedder, ToHalf(*job.embedding)};
  auto entry = co_await parts_.library.Publish(std::move(draft));
  if (entry) {
    fresh.entry = std::move(*entry);
    co_return;
  }
  parts_.stats.CountDegraded();
  fresh.store_error = entry.error().message;
  log::error("an image is served but not stored: {}", fresh.store_error);
}

Entry Generation::MakeEntry(const Job& job, std::int64_t generation_ms, const Fresh& fresh) const {
  const ImageRequest& request = *job.request;
  std::int64_t ttl = parts_.settings.ttl_ms;
  if (const auto asked = request.control.ttl_ms) ttl = ttl == 0 ? *asked : std::min(ttl, *asked);
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
          .expires_ms = ttl == 0 ? 0 : fresh.created_ms + ttl,
          .cost_usd = fresh.image_cost_usd,
          .generation_ms = generation_ms};
}

}  // namespace reprise
