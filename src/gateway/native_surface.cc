#include "gateway/native_surface.h"

#include "gateway/cache_knobs.h"
#include "gateway/errors.h"
#include "gateway/native_reply.h"
#include "gateway/reply_headers.h"

namespace reprise {

Result<ImageCall> ReadNative(const http::Request& http, const OpenAiSettings& settings) {
  auto call = ReadGenerationBody(http.body, Dialect::kNative, settings);
  if (!call) return call;
  call->request.tenant = TenantOf(http);
  if (auto read = ReadCacheHeaders(http, call->request.control); !read) {
    return std::unexpected(read.error());
  }
  return call;
}

void NativeSurface::AddRoutes(http::Router& router) {
  router.Add("POST", "/v1/generate", RouteTo(this, &NativeSurface::Generate));
}

Task<http::Response> NativeSurface::Generate(http::RequestPtr request) {
  if (!IsJson(*request)) co_return WrongContentType(*request, "application/json");
  const auto read = [request, &settings = parts_.settings.openai] {
    return ReadNative(*request, settings);
  };
  Result<ImageCall> call = ImageCall();
  if (request->body.size() > kLargeBody) {
    call = co_await parts_.workers.Run(read);
  } else {
    call = read();
  }
  if (!call) co_return ErrorResponse(call.error());
  const bool as_url = call->as_url;
  const Answer answer =
      co_await parts_.cache.Handle(std::make_shared<const ImageRequest>(std::move(call->request)));
  if (answer.reply) {
    co_return WriteNative(*answer.reply, answer.decision,
                          {as_url, LinksFor(parts_.settings, *request)});
  }
  http::Response response = ErrorResponse(answer.reply.error());
  ExplainReply(answer.decision, response);
  co_return response;
}

}  // namespace reprise
