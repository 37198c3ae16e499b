#include "gateway/pollinations_surface.h"

#include <algorithm>

#include "gateway/pollinations_request.h"
#include "gateway/reply_headers.h"
#include "http/range.h"

namespace reprise {
namespace {

// Copies elsewhere outlive a removal or a correction here, so not for as long as images are stored.
constexpr std::int64_t kMaxAgeS = 24 * 3600;

http::Response WriteImage(const http::Request& request, const Reply& reply,
                          const Decision& decision, bool is_private) {
  const ServedImage& image = reply.images.front();
  http::Response response = BytesOf(image);
  response.Set("Content-Type", image.media_type);
  response.Set("Cache-Control", CacheControlFor(decision, is_private));
  response.Set("X-Content-Type-Options", "nosniff");
  ExplainReply(decision, response);
  return http::ApplyConditions(request, image.etag, std::move(response));
}

}  // namespace

std::string CacheControlFor(const Decision& decision, bool is_private) {
  // A reply that the next request for the same is not to get.
  const bool once = decision.outcome == Outcome::kBypass || decision.outcome == Outcome::kRefresh;
  if (decision.entry == 0 || once) return "no-store";
  const std::int64_t left = decision.ttl_ms == 0 ? kMaxAgeS : decision.ttl_ms / 1000;
  return (is_private ? "private, max-age=" : "public, max-age=") +
         std::to_string(std::min(left, kMaxAgeS));
}

void PollinationsSurface::AddRoutes(http::Router& router) {
  router.Add("GET", "/prompt/{prompt...}", RouteTo(this, &PollinationsSurface::Image));
  router.Add("GET", "/image/{prompt...}", RouteTo(this, &PollinationsSurface::Image));
}

Task<http::Response> PollinationsSurface::Image(http::RequestPtr request) {
  // A decoded prompt may be the same for two paths, and is what counts; no query has a line break.
  const std::string& prompt = request->params.at(0);
  std::string text;
  text.reserve(request->query.size() + 1 + prompt.size());
  text.append(request->query).append("\n").append(prompt);
  const auto read = readings_.Get(*request, text, TenantOf(*request), [&] {
    return ReadPollinations(*request, parts_.settings.openai);
  });
  if (!read) co_return PollinationsError(read.error());
  const auto& call = *read;
  // What a credential may see, a shared cache may not show to others.
  const bool is_private =
      call->is_private || request->caller || !request->Header("Authorization").empty();
  const Answer answer = co_await parts_.cache.Handle(RequestOf(call));
  if (answer.reply) co_return WriteImage(*request, *answer.reply, answer.decision, is_private);
  http::Response response = PollinationsError(answer.reply.error());
  ExplainReply(answer.decision, response);
  co_return response;
}

}  // namespace reprise
