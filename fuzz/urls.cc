// What stands in request lines and headers.
#include "gateway/cache_knobs.h"
#include "gateway/link_signer.h"
#include "gateway/pollinations_request.h"
#include "http/multipart.h"
#include "http/range.h"
#include "http/sse.h"
#include "http/url.h"
#include "targets.h"

namespace reprise::fuzz {
namespace {

void Pollinations(std::string_view text) {
  http::Request request;
  const auto question = text.find('?');
  request.params = {std::string(text.substr(0, question))};
  if (question != std::string_view::npos) request.query = text.substr(question + 1);
  (void)ReadPollinations(request, {});
}

void Addresses(const std::string& text) {
  (void)http::IsPrivateHost(text);
  const auto url = http::ParseUrl(text);
  if (url) Promise(!url->host.empty() && url->path.starts_with('/'), "a URL has a host and a path");
  const auto resolved = http::ResolveUrl("https://a.example/b/c?d", text);
  if (resolved) Promise(http::ParseUrl(*resolved).has_value(), "a redirect leads to a URL");
}

void Conditions(std::string_view text) {
  http::Request request;
  request.method = "GET";
  request.headers = {{"Range", text}, {"If-None-Match", text}, {"If-Range", text}};
  const std::string whole = "0123456789";
  const auto reply =
      http::ApplyConditions(request, "\"e\"", {.status = 200, .headers = {}, .body = whole});
  Promise(reply.BodyView().size() <= whole.size(), "a range is part of the whole");
}

void Knobs(std::string_view text) {
  http::Request request;
  request.headers = {{"Cache-Control", text},
                     {"X-Reprise-TTL", text},
                     {"X-Reprise-Threshold", text},
                     {"X-Reprise-Mode", text},
                     {"X-Reprise-Variants", text}};
  CacheControl control;
  (void)ReadCacheHeaders(request, control);
}

void Links(std::string_view text) {
  const LinkSigner signer("secret", std::chrono::hours(1));
  Promise(!signer.Check("a.png", text, 1), "nobody guesses a signature");
}

void Events(std::string_view text) {
  const std::string event = http::FormatSse({.type = "t", .data = text, .id = ""});
  Promise(event.ends_with("\n\n") && event.find("\n\n") == event.size() - 2,
          "data cannot end its event");
}

}  // namespace

void Urls(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view text = bytes.substr(1);
  switch (bytes[0]) {
    case 'p':
      return Pollinations(text);
    case 'u':
      return Addresses(std::string(text));
    case 'r':
      return Conditions(text);
    case 'c':
      return Knobs(text);
    case 's':
      return Links(text);
    case 'e':
      return Events(text);
    case 'b':
      (void)http::FormBoundary(text);
      return;
  }
}

}  // namespace reprise::fuzz
