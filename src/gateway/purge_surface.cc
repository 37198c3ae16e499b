#include "gateway/purge_surface.h"

#include "base/log.h"
#include "gateway/errors.h"
#include "gateway/feedback.h"
#include "gateway/json_input.h"
#include "gateway/purge_request.h"

namespace reprise {

void PurgeSurface::AddRoutes(http::Router& router) {
  router.Add("DELETE", "/v1/entries/{id}", RouteTo(this, &PurgeSurface::RemoveEntry));
  router.Add("POST", "/v1/purge", RouteTo(this, &PurgeSurface::Purge));
}

Task<http::Response> PurgeSurface::RemoveEntry(http::RequestPtr request) {
  const auto id = ReadId("id", request->params.at(0));
  if (!id) co_return ErrorResponse(id.error());
  const auto removed = co_await parts_.cache.purge().Remove(TenantOf(*request), *id);
  if (!removed) co_return ErrorResponse(removed.error());
  co_return http::Json(200, R"({"id":)" + std::to_string(*id) + R"(,"deleted":true})");
}

Task<http::Response> PurgeSurface::Purge(http::RequestPtr request) {
  if (!IsJson(*request)) co_return WrongContentType(*request, "application/json");
  auto call = ReadPurge(request->body, parts_.settings.openai.prompt_chars);
  if (!call) co_return ErrorResponse(call.error());
  call->selector.tenant = TenantOf(*request);
  const bool dry_run = call->dry_run;
  auto purge = dry_run ? parts_.cache.purge().Find(std::move(call->selector))
                       : parts_.cache.purge().Run(std::move(call->selector));
  const auto purged = co_await std::move(purge);
  if (!purged) co_return ErrorResponse(purged.error());
  if (!dry_run) log::info("a purge removed {} entries", purged->size());
  co_return WritePurge(dry_run, *purged);
}

}  // namespace reprise
