// RunPod's serverless API: /v2/{endpoint}/runsync, /run, /status/{id}, /cancel/{id}. See
// docs/api-runpod.md.
#pragma once

#include <memory>

#include "gateway/runpod_jobs.h"
#include "gateway/surface.h"

namespace reprise {

class RunPodSurface final : public Surface {
 public:
  explicit RunPodSurface(const SurfaceParts& parts) : parts_(parts) {}
  void AddRoutes(http::Router& router) override;

 private:
  Task<http::Response> RunSync(http::RequestPtr request);
  Task<http::Response> Run(http::RequestPtr request);
  Task<http::Response> Status(http::RequestPtr request);
  Task<http::Response> Cancel(http::RequestPtr request);

  // Reads the request and has its job begin, on a task of its own, which ends when the cache has
  // answered.
  Task<Result<RunPodJobPtr>> Submit(http::RequestPtr request, std::string_view id_prefix);
  Task<> Work(RunPodJobPtr job, std::shared_ptr<const ImageRequest> request);
  Result<RunPodJobPtr> Find(const http::Request& request) const;
  http::Response Write(const RunPodJob& job, const http::Request& request) const;

  const SurfaceParts parts_;
  RunPodJobs jobs_;
};

}  // namespace reprise
