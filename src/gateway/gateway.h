// The routes of the gateway over one cache.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "gateway/surface.h"

namespace reprise {

// Its routes may be called from any thread.
class Gateway {
 public:
  // The references outlive the gateway, the gateway its routes.
  Gateway(ImageCache& cache, http::Client& client, WorkerPool& workers, GatewaySettings settings);

  http::Router Routes();

  // From now on /readyz says 503, so that balancers send requests elsewhere.
  void StartDraining() { draining_ = true; }

 private:
  Task<http::Response> Image(http::RequestPtr request);
  Task<http::Response> GiveFeedback(http::RequestPtr request);
  Task<http::Response> ListFeedback(http::RequestPtr request);
  Task<http::Response> WithdrawFeedback(http::RequestPtr request);
  Task<http::Response> Ready(http::RequestPtr request);
  Task<http::Response> Stats(http::RequestPtr request);

  ImageCache& cache_;
  const GatewaySettings settings_;
  const SurfaceParts parts_;
  std::vector<std::unique_ptr<Surface>> surfaces_;
  std::atomic<bool> draining_ = false;
};

}  // namespace reprise
