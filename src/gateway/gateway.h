// The routes of the gateway over one cache.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "gateway/surface.h"
#include "http/client_bounds.h"
#include "work/batches.h"

namespace reprise {

// All of it outlives the gateway.
struct GatewayParts {
  ImageCache& cache;
  http::Client& client;
  WorkerPool& workers;
  Batches& batches;
  const http::ClientBounds& bounds;  // the servers'
};

// Its routes may be called from any thread.
class Gateway {
 public:
  // The gateway outlives its routes.
  Gateway(GatewayParts parts, GatewaySettings settings);

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
  Task<http::Response> Metrics(http::RequestPtr request);

  ImageCache& cache_;
  const http::ClientBounds& bounds_;
  const GatewaySettings settings_;
  const SurfaceParts parts_;
  std::vector<std::unique_ptr<Surface>> surfaces_;
  std::atomic<bool> draining_ = false;
};

}  // namespace reprise
