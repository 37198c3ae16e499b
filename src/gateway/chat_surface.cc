#include "gateway/chat_surface.h"

#include "gateway/chat_reader.h"
#include "gateway/chat_relay.h"
#include "gateway/chat_writer.h"
#include "gateway/errors.h"
#include "gateway/reply_headers.h"

namespace reprise {
namespace {

class ChatSurface final : public Surface {
 public:
  explicit ChatSurface(SurfaceParts parts) : parts_(parts) {}

  void AddRoutes(http::Router& router) override {
    for (const char* path : {"/v1/chat/completions", "/api/v1/chat/completions"}) {
      router.Add("POST", path, RouteTo(this, &ChatSurface::Complete));
    }
  }

 private:
  Task<http::Response> Complete(http::RequestPtr request) {
    if (!IsJson(*request)) co_return WrongContentType(*request, "application/json");
    if (!WantsImage(request->body, parts_.settings)) {
      co_return co_await RelayChat(parts_, std::move(request));
    }
    // On the workers: images in messages are megabytes to decode and hash.
    const OpenAiSettings& settings = parts_.settings.openai;
    auto work = [request, &settings] { return ReadChat(*request, settings); };
    auto call = co_await parts_.workers.Run(std::move(work));
    if (!call) co_return ErrorResponse(call.error());
    call->request.tenant = TenantOf(*request);
    co_return co_await Answer(std::move(*call));
  }

  Task<http::Response> Answer(ChatCall call) {
    const auto asked = std::make_shared<const ImageRequest>(std::move(call.request));
    reprise::Answer answer = co_await parts_.cache.Handle(asked);
    if (!answer.reply) {
      http::Response response = ErrorResponse(answer.reply.error());
      ExplainReply(answer.decision, response);
      co_return response;
    }
    ChatReply reply{std::move(*answer.reply), asked->model, call.include_usage};
    if (call.stream) co_return StreamChat(std::move(reply), answer.decision);
    co_return WriteChat(reply, answer.decision);
  }

  const SurfaceParts parts_;
};

}  // namespace

std::unique_ptr<Surface> MakeChatSurface(SurfaceParts parts) {
  return std::make_unique<ChatSurface>(parts);
}

}  // namespace reprise
