#include "gateway/gateway.h"

#include <nlohmann/json.hpp>

#include "gateway/errors.h"
#include "gateway/feedback.h"
#include "gateway/reply_headers.h"
#include "http/range.h"

namespace reprise {
namespace {

// Clients that send no Content-Type with JSON exist; any other type is a mistake.
bool IsJson(const http::Request& request) {
  const std::string type = http::MediaTypeOf(request.Header("Content-Type"));
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

http::Response WrongContentType(const http::Request& request) {
  auto response =
      ErrorResponse({.code = Code::kInvalidArgument,
                     .message = "Content-Type must be application/json, not '" +
                                std::string(request.Header("Content-Type").substr(0, 80)) + "'"});
  response.status = 415;
  return response;
}

// A Host header is the caller's text: only what a host and port can look like goes into links.
bool IsHost(std::string_view host) {
  return !host.empty() && host.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789.-_:[]") == std::string_view::npos;
}

Task<http::Response> Alive(http::RequestPtr) {
  co_return http::Json(200, R"({"status":"ok"})");
}

}  // namespace

Gateway::Gateway(ImageCache& cache, GatewaySettings settings)
    : cache_(cache), settings_(std::move(settings)) {}

http::Router Gateway::Routes() {
  http::Router router;
  const auto route = [this](Task<http::Response> (Gateway::*method)(http::RequestPtr)) {
    return [this, method](http::RequestPtr request) { return (this->*method)(std::move(request)); };
  };
  router.Add("POST", "/v1/images/generations", route(&Gateway::Generate));
  router.Add("GET", "/images/{file}", route(&Gateway::Image));
  router.Add("POST", "/v1/feedback", route(&Gateway::GiveFeedback));
  router.Add("GET", "/v1/feedback", route(&Gateway::ListFeedback));
  router.Add("DELETE", "/v1/feedback/{id}", route(&Gateway::WithdrawFeedback));
  router.Add("GET", "/v1/stats", route(&Gateway::Stats));
  router.Add("GET", "/readyz", route(&Gateway::Ready));
  router.Add("GET", "/healthz", Alive);
  return router;
}

Task<http::Response> Gateway::Generate(http::RequestPtr request) {
  if (!IsJson(*request)) co_return WrongContentType(*request);
  auto call = ReadGeneration(*request, settings_.openai);
  if (!call) co_return ErrorResponse(call.error());
  const bool as_url = call->as_url;
  const Answer answer =
      co_await cache_.Handle(std::make_shared<const ImageRequest>(std::move(call->request)));
  if (answer.reply) {
    co_return WriteImages(*answer.reply, answer.decision, as_url, UrlBase(*request));
  }
  http::Response response = ErrorResponse(answer.reply.error());
  ExplainReply(answer.decision, response);
  co_return response;
}

Task<http::Response> Gateway::Image(http::RequestPtr request) {
  auto image = co_await cache_.Image(request->params.at(0));
  if (!image) co_return ErrorResponse(image.error());
  http::Response response{.status = 200, .headers = {}, .body = image->bytes};
  response.Set("Content-Type", image->media_type);
  response.Set("Cache-Control", "public, max-age=31536000, immutable");
  response.Set("X-Content-Type-Options", "nosniff");
  co_return http::ApplyConditions(*request, image->etag, std::move(response));
}

Task<http::Response> Gateway::GiveFeedback(http::RequestPtr request) {
  if (!IsJson(*request)) co_return WrongContentType(*request);
  auto feedback = ReadFeedback(request->body, settings_.openai.prompt_chars);
  if (!feedback) co_return ErrorResponse(feedback.error());
  feedback->tenant = Tenant(*request);
  const auto result = co_await cache_.trust().Give(*feedback);
  if (!result) co_return ErrorResponse(result.error());
  co_return WriteFeedbackResult(*feedback, *result);
}

Task<http::Response> Gateway::ListFeedback(http::RequestPtr request) {
  const auto page = ReadFeedbackPage(request->query);
  if (!page) co_return ErrorResponse(page.error());
  const std::string tenant = Tenant(*request);
  const auto list = co_await cache_.trust().List(tenant, page->before, page->limit);
  if (!list) co_return ErrorResponse(list.error());
  co_return WriteFeedbackList(*page, *list, cache_.trust().Reviews(tenant));
}

Task<http::Response> Gateway::WithdrawFeedback(http::RequestPtr request) {
  const auto id = ReadId("id", request->params.at(0));
  if (!id) co_return ErrorResponse(id.error());
  const auto done = co_await cache_.trust().Withdraw(Tenant(*request), *id);
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

Task<http::Response> Gateway::Stats(http::RequestPtr) {
  nlohmann::json stats = cache_.Stats();
  stats["version"] = settings_.version;
  co_return http::Json(200, stats.dump(2) + "\n");
}

std::string Gateway::Tenant(const http::Request&) const {
  return ImageRequest{}.tenant;  // there is one, until keys name more
}

std::string Gateway::UrlBase(const http::Request& request) const {
  if (!settings_.public_url.empty()) return settings_.public_url;
  const auto host = request.Header("Host");
  return "http://" + (IsHost(host) ? std::string(host) : std::string("localhost"));
}

}  // namespace reprise
