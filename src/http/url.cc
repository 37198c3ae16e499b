#include "http/url.h"

#include <curl/curl.h>

#include <asio/ip/address.hpp>
#include <memory>

#include "http/address.h"
#include "http/ascii.h"

namespace reprise::http {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string Part(CURLU* handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return {};
  std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

std::string WithoutBrackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

std::string Url::Printable() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return scheme + "://" + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + path;
}

Result<Url> ParseUrl(const std::string& text) {
  Handle handle(curl_url(), curl_url_cleanup);
  // The C string that libcurl sees has to be the text that was checked.
  const bool whole = text.find('\0') == std::string::npos;
  if (!whole || curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return Fail(Code::kInvalidArgument, "not a usable URL; write http://host/path or https://...");
  }
  Url url{.scheme = Part(handle.get(), CURLUPART_SCHEME),
          .host = AsciiLower(WithoutBrackets(Part(handle.get(), CURLUPART_HOST))),
          .port = 0,
          .path = Part(handle.get(), CURLUPART_PATH)};
  if (url.scheme != "http" && url.scheme != "https") {
    return Fail(Code::kInvalidArgument, "a URL must start with http:// or https://");
  }
  if (url.host.empty()) return Fail(Code::kInvalidArgument, "a URL must name a host");
  url.port = std::stoi("0" + Part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  return url;
}

Result<std::string> ResolveUrl(const std::string& base, const std::string& location) {
  Handle handle(curl_url(), curl_url_cleanup);
  // Setting a second URL takes it as relative to the first.
  const bool resolved = location.find('\0') == std::string::npos &&
                        curl_url_set(handle.get(), CURLUPART_URL, base.c_str(), 0) == CURLUE_OK &&
                        curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), 0) == CURLUE_OK;
  std::string url = resolved ? Part(handle.get(), CURLUPART_URL) : std::string();
  if (const auto parsed = ParseUrl(url); !parsed) return std::unexpected(parsed.error());
  return url;
}

bool IsPrivateHost(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  asio::error_code failed;
  const auto address = asio::ip::make_address(host, failed);
  return !failed && !IsPublicAddress(address);
}

}  // namespace reprise::http
