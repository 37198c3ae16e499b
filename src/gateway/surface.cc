#include "gateway/surface.h"

#include "gateway/errors.h"

namespace reprise {
namespace {

// A Host header is the caller's text: only what a host and port can look like goes into links.
bool IsHost(std::string_view host) {
  return !host.empty() && host.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789.-_:[]") == std::string_view::npos;
}

}  // namespace

std::string TenantOf(const http::Request& request) {
  return request.caller ? request.caller->tenant : ImageRequest{}.tenant;
}

std::string UrlBase(const GatewaySettings& settings, const http::Request& request) {
  if (!settings.public_url.empty()) return settings.public_url;
  const auto host = request.Header("Host");
  const std::string scheme = settings.tls ? "https://" : "http://";
  return scheme + (IsHost(host) ? std::string(host) : std::string("localhost"));
}

ImageLinks LinksFor(const GatewaySettings& settings, const http::Request& request) {
  return {UrlBase(settings, request), settings.access};
}

http::Response BytesOf(const ServedImage& image) {
  http::Response response;
  if (image.file) {
    response.body = http::FileBody{.before = {}, .file = image.file};
  } else {
    response.body = image.bytes;
  }
  return response;
}

bool IsJson(const http::Request& request) {
  const std::string type = http::MediaTypeOf(request.Header("Content-Type"));
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

http::Response WrongContentType(const http::Request& request, std::string_view wanted) {
  auto response =
      ErrorResponse({.code = Code::kInvalidArgument,
                     .message = "Content-Type must be " + std::string(wanted) + ", not '" +
                                std::string(request.Header("Content-Type").substr(0, 80)) + "'"});
  response.status = 415;
  return response;
}

}  // namespace reprise
