#include "gateway/gateway.h"

#include <nlohmann/json.hpp>

#include "gateway/batch_surface.h"
#include "gateway/chat_surface.h"
#include "gateway/errors.h"
#include "gateway/exposition.h"
#include "gateway/feedback.h"
#include "gateway/json_input.h"
#include "gateway/metrics.h"
#include "gateway/models.h"
#include "gateway/native_surface.h"
#include "gateway/openai_surface.h"
#include "gateway/pollinations_surface.h"
#include "gateway/purge_surface.h"
#include "gateway/reply_headers.h"
#include "gateway/runpod_surface.h"
#include "http/range.h"

namespace reprise {
namespace {

Task<http::Response> Alive(http::RequestPtr) {
  co_return http::Json(200, R"({"status":"ok"})");
}

}  // namespace

Gateway::Gateway(GatewayParts parts, GatewaySettings settings)
    : cache_(parts.cache),
      bounds_(parts.bounds),
      settings_(std::move(settings)),
      parts_{parts.cache, parts.client, parts.workers, settings_} {
  surfaces_.push_back(MakeOpenAiSurface(parts_));
  surfaces_.push_back(MakeModelsSurface(parts_));
  surfaces_.push_back(MakeChatSurface(parts_));
  surfaces_.push_back(std::make_unique<PollinationsSurface>(parts_));
  surfaces_.push_back(std::make_unique<RunPodSurface>(parts_));
  surfaces_.push_back(std::make_unique<NativeSurface>(parts_));
  surfaces_.push_back(std::make_unique<BatchSurface>(settings_, parts.workers, parts.batches));
  surfaces_.push_back(std::make_unique<PurgeSurface>(parts_));
}

http::Router Gateway::Routes() {
  http::Router router;
  const auto route = [this](auto method) { return RouteTo(this, method); };
  router.Add("GET", "/images/{file}", route(&Gateway::Image));
  router.Add("POST", "/v1/feedback", route(&Gateway::GiveFeedback));
  router.Add("GET", "/v1/feedback", route(&Gateway::ListFeedback));
  router.Add("DELETE", "/v1/feedback/{id}", route(&Gateway::WithdrawFeedback));
  router.Add("GET", "/v1/stats", route(&Gateway::Stats));
  router.Add("GET", "/metrics", route(&Gateway::Metrics));
  router.Add("GET", "/readyz", route(&Gateway::Ready));
  router.Add("GET", "/healthz", Alive);
  for (const auto& surface : surfaces_) surface->AddRoutes(router);
  return router;
}

Task<http::Response> Gateway::Image(http::RequestPtr request) {
  std::optional<std::string> tenant;  // none: whoever has the link may see it
  if (request->caller) tenant = request->caller->tenant;
  auto image = co_await cache_.Image(request->params.at(0), std::move(tenant));
  if (!image) co_return ErrorResponse(image.error());
  http::Response response = BytesOf(*image);
  response.Set("Content-Type", image->media_type);
  const bool shared = !request->caller && !LinkSigner::IsSigned(request->query);
  response.Set("Cache-Control", shared ? "public, max-age=31536000, immutable"
                                       : "private, max-age=31536000, immutable");
  response.Set("X-Content-Type-Options", "nosniff");
  co_return http::ApplyConditions(*request, image->etag, std::move(response));
}

Task<http::Response> Gateway::GiveFeedback(http::RequestPtr request) {
  if (!IsJson(*request)) co_return WrongContentType(*request, "application/json");
  auto feedback = ReadFeedback(request->body, settings_.openai.prompt_chars);
  if (!feedback) co_return ErrorResponse(feedback.error());
  feedback->tenant = TenantOf(*request);
  const auto result = co_await cache_.trust().Give(*feedback);
  if (!result) co_return ErrorResponse(result.error());
  co_return WriteFeedbackResult(*feedback, *result);
}

Task<http::Response> Gateway::ListFeedback(http::RequestPtr request) {
  const auto page = ReadFeedbackPage(request->query);
  if (!page) co_return ErrorResponse(page.error());
  const std::string tenant = TenantOf(*request);
  const auto list = co_await cache_.trust().List(tenant, page->before, page->limit);
  if (!list) co_return ErrorResponse(list.error());
  co_return WriteFeedbackList(*page, *list, cache_.trust().Reviews(tenant));
}

Task<http::Response> Gateway::WithdrawFeedback(http::RequestPtr request) {
  const auto id = ReadId("id", request->params.at(0));
  if (!id) co_return ErrorResponse(id.error());
  const auto done = co_await cache_.trust().Withdraw(TenantOf(*request), *id);
  if (!done) co_return ErrorResponse(done.error());
  co_return http::Json(200, R"({"deleted":true})");
}

Task<http::Response> Gateway::Ready(http::RequestPtr) {
  if (draining_) {
    co_return ErrorResponse({.code = Code::kOverloaded, .message = "the server is shutting down"});
  }
  const auto ready = co_await cache_.Ready();
  if (!ready)
    co_return ErrorResponse({.code = Code::kOverloaded, .message = ready.error().message});
  co_return http::Json(200, R"({"status":"ready"})");
}

// All of it is for those who run the gateway: names of tenants and upstreams are in it.
Task<http::Response> Gateway::Stats(http::RequestPtr request) {
  const bool all = !request->caller || request->caller->admin;
  nlohmann::json stats = all ? cache_.Stats() : cache_.StatsOf(request->caller->tenant);
  stats["version"] = settings_.version;
  stats.erase("histograms");
  co_return http::Json(200, stats.dump(2) + "\n");
}

Task<http::Response> Gateway::Metrics(http::RequestPtr) {
  nlohmann::json stats = cache_.Stats();
  stats["version"] = settings_.version;
  const DoorFacts doors{.connections = bounds_.connections.open(),
                        .connections_refused = bounds_.connections.refused(),
                        .body_bytes = bounds_.bodies.used(),
                        .body_bytes_limit = bounds_.bodies.limit()};
  http::Response response{
      .status = 200, .headers = {}, .body = WriteMetrics(stats, doors, ReadProcessFacts())};
  response.Set("Content-Type", kExpositionType);
  co_return response;
}

}  // namespace reprise
