// What every surface of the gateway shares: its parts, and how it reads who asks.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/worker_pool.h"
#include "cache/image_cache.h"
#include "gateway/access.h"
#include "gateway/image_links.h"
#include "gateway/openai_images.h"
#include "http/client.h"
#include "http/router.h"

namespace reprise {

// Who answers chat that is not about images.
struct ChatSettings {
  std::string url;      // base URL, e.g. "https://openrouter.ai/api/v1"; empty: nobody
  std::string api_key;  // empty: the caller's own credentials are passed on; never logged
  std::chrono::milliseconds timeout{180'000};  // of every silence
};

struct GatewaySettings {
  OpenAiSettings openai;
  ChatSettings chat;
  // Models that make images, beside openai.default_model: those of the configured routes.
  std::vector<std::string> models;
  // What clients reach the gateway by, e.g. "https://images.example.com"; empty: the Host header.
  std::string public_url;
  bool tls = false;  // the gateway is reached by https
  std::string version;
  const Access* access = nullptr;  // null or longer-lived: says whether links are signed
};

// All of it outlives the surface.
struct SurfaceParts {
  ImageCache& cache;
  http::Client& client;  // for what is passed through
  WorkerPool& workers;
  const GatewaySettings& settings;
};

// Bytes of JSON above which a body is read on the workers: the connections of a thread must not
// wait for megabytes.
inline constexpr std::size_t kLargeBody = 64u << 10;

// One API of the gateway. Its routes may be called from any thread, and live as long as it does.
class Surface {
 public:
  virtual ~Surface() = default;
  virtual void AddRoutes(http::Router& router) = 0;
};

// A route to a method of `surface`, for Router::Add.
template <class S>
http::Handler RouteTo(S* surface, Task<http::Response> (S::*method)(http::RequestPtr)) {
  return [surface, method](http::RequestPtr request) {
    return (surface->*method)(std::move(request));
  };
}

// Whose request it is: the tenant of its key, or "default" where none is needed.
std::string TenantOf(const http::Request& request);

// "http://host:port" or "https://host:port", without a slash at its end.
std::string UrlBase(const GatewaySettings& settings, const http::Request& request);

// The same with what it takes to see an image there.
ImageLinks LinksFor(const GatewaySettings& settings, const http::Request& request);

// A 200 whose body is the image; its type is not set.
http::Response BytesOf(const ServedImage& image);

// Clients that send no Content-Type with JSON exist; any other type is a mistake.
bool IsJson(const http::Request& request);
http::Response WrongContentType(const http::Request& request, std::string_view wanted);

}  // namespace reprise
