// The routes of the gateway over one cache.
#pragma once

#include <atomic>
#include <string>

#include "cache/image_cache.h"
#include "gateway/openai_images.h"
#include "http/router.h"

namespace reprise {

struct GatewaySettings {
  OpenAiSettings openai;
  // What clients reach the gateway by, e.g. "https://images.example.com"; empty: the Host header.
  std::string public_url;
  std::string version;
};

// Its routes may be called from any thread.
class Gateway {
 public:
  // `cache` outlives the gateway, the gateway its routes.
  Gateway(ImageCache& cache, GatewaySettings settings);

  http::Router Routes();

  // From now on /readyz says 503, so that balancers send requests elsewhere.
  void StartDraining() { draining_ = true; }

 private:
  Task<http::Response> Generate(http::RequestPtr request);
  Task<http::Response> Image(http::RequestPtr request);
  Task<http::Response> GiveFeedback(http::RequestPtr request);
  Task<http::Response> ListFeedback(http::RequestPtr request);
  Task<http::Response> WithdrawFeedback(http::RequestPtr request);
  Task<http::Response> Ready(http::RequestPtr request);
  Task<http::Response> Stats(http::RequestPtr request);
  std::string Tenant(const http::Request& request) const;
  std::string UrlBase(const http::Request& request) const;

  ImageCache& cache_;
  const GatewaySettings settings_;
  std::atomic<bool> draining_ = false;
};

}  // namespace reprise
