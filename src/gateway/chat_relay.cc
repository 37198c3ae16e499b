#include "gateway/chat_relay.h"

#include <algorithm>
#include <initializer_list>

#include "gateway/access.h"
#include "gateway/errors.h"
#include "http/ascii.h"

namespace reprise {
namespace {

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool IsHopByHop(std::string_view name) {
  return name.starts_with("proxy-") || IsOneOf(name, {"connection", "keep-alive", "te", "trailer",
                                                      "transfer-encoding", "upgrade"});
}

// Names that a Connection header declares to be of this connection only.
bool IsDeclared(std::string_view connection, std::string_view name) {
  while (!connection.empty()) {
    const auto end = std::min(connection.find(','), connection.size());
    std::string_view token = connection.substr(0, end);
    token.remove_prefix(std::min(token.find_first_not_of(" \t"), token.size()));
    token = token.substr(0, token.find_last_not_of(" \t") + 1);
    if (http::EqualsIgnoreCase(token, name)) return true;
    connection.remove_prefix(std::min(end + 1, connection.size()));
  }
  return false;
}

bool IsCredential(std::string_view name) {
  return IsOneOf(name, {"authorization", "api-key", "x-api-key", "cookie"});
}

// Also where no key is needed at the moment: it will be again, or opens images already.
bool HoldsKeyOfTheGateway(std::string_view value) {
  return value.find(kApiKeyPrefix) != std::string_view::npos;
}

http::Response NoUpstream() {
  auto response = ErrorResponse(
      {.code = Code::kInvalidArgument,
       .message = "no chat upstream is configured, and this request asks for no image: set "
                  "chat.url, or ask with \"modalities\": [\"image\", \"text\"] or a model that "
                  "GET /v1/models lists",
       .upstream = "chat_not_configured"});
  response.status = 501;
  return response;
}

// Its own words may repeat a part of the key, and the client would take them for its own key's.
http::Response KeyRefused() {
  return ErrorResponse({.code = Code::kBadUpstream,
                        .message = "the chat upstream refuses the gateway's own API key; set a "
                                   "valid one (setting chat.api_key)"});
}

}  // namespace

http::Headers ForwardedHeaders(const http::Request& request, const ChatSettings& chat) {
  const std::string_view connection = request.Header("Connection");
  http::Headers headers;
  for (const auto& [given, value] : request.headers) {
    const std::string name = http::AsciiLower(given);
    if (IsHopByHop(name) || IsDeclared(connection, name) || name.starts_with("x-reprise-") ||
        IsOneOf(name, {"host", "content-length", "expect"})) {
      continue;
    }
    // A key of this gateway is nobody else's business.
    const bool ours = request.caller || !chat.api_key.empty() || HoldsKeyOfTheGateway(value);
    if (ours && IsCredential(name)) continue;
    headers.emplace_back(given, value);
  }
  if (!chat.api_key.empty()) headers.emplace_back("Authorization", "Bearer " + chat.api_key);
  headers.emplace_back("Via", "1.1 reprise");
  return headers;
}

http::ResponseHeaders RelayedHeaders(const http::Headers& headers) {
  std::string connection;
  for (const auto& [name, value] : headers) {
    if (name == "connection") connection += value + ",";
  }
  http::ResponseHeaders kept;
  for (const auto& [name, value] : headers) {
    // The server writes length and date itself.
    if (IsHopByHop(name) || IsDeclared(connection, name) ||
        IsOneOf(name, {"content-length", "date"})) {
      continue;
    }
    kept.Add(name, value);
  }
  kept.Add("via", "1.1 reprise");
  return kept;
}

Task<http::Response> RelayChat(SurfaceParts parts, http::RequestPtr request) {
  const ChatSettings& chat = parts.settings.chat;
  if (chat.url.empty()) co_return NoUpstream();
  http::ClientRequest call{.method = "POST", .url = chat.url + "/chat/completions"};
  if (!request->query.empty()) call.url.append("?").append(request->query);
  call.headers = ForwardedHeaders(*request, chat);
  call.body = request->body;
  call.timeout = chat.timeout;
  auto answer = co_await parts.client.Open(std::move(call));
  if (!answer) co_return ErrorResponse(answer.error());
  if (answer->status == 401 && !chat.api_key.empty()) co_return KeyRefused();
  http::Response response{.status = answer->status,
                          .headers = RelayedHeaders(answer->headers),
                          .body = std::move(answer->body)};
  co_return response;
}

}  // namespace reprise
