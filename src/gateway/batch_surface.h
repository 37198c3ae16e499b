// POST /v1/batches and what belongs to it; docs/api-batches.md describes it.
#pragma once

#include "gateway/batch_reader.h"
#include "gateway/surface.h"
#include "work/batches.h"

namespace reprise {

class BatchSurface final : public Surface {
 public:
  // All outlive it.
  BatchSurface(const GatewaySettings& settings, WorkerPool& workers, Batches& batches)
      : settings_(settings), workers_(workers), batches_(batches) {}

  void AddRoutes(http::Router& router) override;

 private:
  Task<http::Response> Create(http::RequestPtr request);
  Task<http::Response> List(http::RequestPtr request);
  Task<http::Response> Show(http::RequestPtr request);
  Task<http::Response> Images(http::RequestPtr request);
  Task<http::Response> Events(http::RequestPtr request);
  Task<http::Response> Cancel(http::RequestPtr request);

  Task<http::Response> Wait(http::RequestPtr request, BatchCall call);
  Task<http::Response> StartInBackground(http::RequestPtr request, BatchCall call);
  // The batch that the path names; kNotFound when it is not the tenant's.
  Task<Result<ActiveBatchPtr>> Find(http::RequestPtr request);

  const GatewaySettings& settings_;
  WorkerPool& workers_;
  Batches& batches_;
};

}  // namespace reprise
