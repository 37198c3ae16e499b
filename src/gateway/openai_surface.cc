#include "gateway/openai_surface.h"

#include "gateway/errors.h"
#include "gateway/openai_forms.h"
#include "gateway/openai_images.h"
#include "gateway/readings.h"
#include "gateway/reply_headers.h"

namespace reprise {
namespace {

class OpenAiSurface final : public Surface {
 public:
  explicit OpenAiSurface(SurfaceParts parts) : parts_(parts) {}

  void AddRoutes(http::Router& router) override {
    router.Add("POST", "/v1/images/generations", RouteTo(this, &OpenAiSurface::Generate));
    router.Add("POST", "/v1/images/edits", RouteTo(this, &OpenAiSurface::Edit));
    router.Add("POST", "/v1/images/variations", RouteTo(this, &OpenAiSurface::Variation));
  }

 private:
  Task<http::Response> Generate(http::RequestPtr request) {
    if (!IsJson(*request)) co_return WrongContentType(*request, "application/json");
    if (request->body.size() > kLargeBody) {
      co_return co_await AnswerOnWorkers(std::move(request), ReadGeneration);
    }
    auto call = readings_.Get(*request, request->body, TenantOf(*request),
                              [&] { return ReadGeneration(*request, parts_.settings.openai); });
    co_return co_await Answer(std::move(request), std::move(call));
  }

  Task<http::Response> Edit(http::RequestPtr request) {
    co_return co_await AnswerForm(std::move(request), ReadEdit);
  }

  Task<http::Response> Variation(http::RequestPtr request) {
    co_return co_await AnswerForm(std::move(request), ReadVariation);
  }

  using ImageCallPtr = std::shared_ptr<const ImageCall>;
  using Reader = Result<ImageCall> (*)(const http::Request&, const OpenAiSettings&);

  Task<http::Response> AnswerForm(http::RequestPtr request, Reader read) {
    const std::string wanted = "multipart/form-data";
    if (http::MediaTypeOf(request->Header("Content-Type")) != wanted) {
      co_return WrongContentType(*request, wanted);
    }
    co_return co_await AnswerOnWorkers(std::move(request), read);
  }

  // Hashing megabytes takes milliseconds, reading them more.
  Task<http::Response> AnswerOnWorkers(http::RequestPtr request, Reader read) {
    const OpenAiSettings& settings = parts_.settings.openai;
    auto work = [request, read, &settings] { return read(*request, settings); };
    auto call = co_await parts_.workers.Run(std::move(work));
    if (!call) co_return ErrorResponse(call.error());
    call->request.tenant = TenantOf(*request);
    co_return co_await Answer(std::move(request),
                              std::make_shared<const ImageCall>(std::move(*call)));
  }

  // The answer first, then its events: what goes wrong before is an ordinary error with its status,
  // and the headers of a stream explain it as those of any reply do.
  Task<http::Response> Answer(http::RequestPtr request, Result<ImageCallPtr> read) {
    if (!read) co_return ErrorResponse(read.error());
    const ImageCallPtr& call = *read;
    reprise::Answer answer = co_await parts_.cache.Handle(RequestOf(call));
    if (!answer.reply) {
      http::Response response = ErrorResponse(answer.reply.error());
      ExplainReply(answer.decision, response);
      co_return response;
    }
    if (call->stream) {
      co_return StreamImages(std::move(*answer.reply), answer.decision, call->request,
                             call->partial_images);
    }
    co_return WriteImages(*answer.reply, answer.decision, call->as_url,
                          LinksFor(parts_.settings, *request), &parts_.cache.hot());
  }

  const SurfaceParts parts_;
  Readings<ImageCall> readings_;
};

}  // namespace

std::unique_ptr<Surface> MakeOpenAiSurface(SurfaceParts parts) {
  return std::make_unique<OpenAiSurface>(parts);
}

}  // namespace reprise
