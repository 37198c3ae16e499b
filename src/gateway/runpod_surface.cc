#include "gateway/runpod_surface.h"

#include <openssl/rand.h>

#include <array>

#include "base/bytes.h"
#include "base/log.h"

namespace reprise {
namespace {

RunPodJob::Time Now() {
  return std::chrono::steady_clock::now();
}

// Not to be guessed: whoever has it may read the job.
std::string NewJobId(std::string_view prefix) {
  std::array<unsigned char, 16> random{};
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  return std::string(prefix) +
         HexEncode({reinterpret_cast<const char*>(random.data()), random.size()});
}

}  // namespace

void RunPodSurface::AddRoutes(http::Router& router) {
  router.Add("POST", "/v2/{endpoint}/runsync", RouteTo(this, &RunPodSurface::RunSync));
  router.Add("POST", "/v2/{endpoint}/run", RouteTo(this, &RunPodSurface::Run));
  router.Add("GET", "/v2/{endpoint}/status/{id}", RouteTo(this, &RunPodSurface::Status));
  router.Add("POST", "/v2/{endpoint}/status/{id}", RouteTo(this, &RunPodSurface::Status));
  router.Add("POST", "/v2/{endpoint}/cancel/{id}", RouteTo(this, &RunPodSurface::Cancel));
}

Task<http::Response> RunPodSurface::RunSync(http::RequestPtr request) {
  const auto wait = ReadWait(request->query);
  if (!wait) co_return RunPodError(wait.error());
  const auto job = co_await Submit(request, "sync-");
  if (!job) co_return RunPodError(job.error());
  co_await (*job)->end().WaitUntil(After(*wait));
  co_return Write(**job, *request);
}

Task<http::Response> RunPodSurface::Run(http::RequestPtr request) {
  const auto job = co_await Submit(request, "");
  if (!job) co_return RunPodError(job.error());
  co_return WriteRunPodJob({.id = (*job)->id()}, "");
}

Task<http::Response> RunPodSurface::Status(http::RequestPtr request) {
  const auto job = Find(*request);
  if (!job) co_return RunPodError(job.error());
  co_return Write(**job, *request);
}

Task<http::Response> RunPodSurface::Cancel(http::RequestPtr request) {
  const auto job = Find(*request);
  if (!job) co_return RunPodError(job.error());
  if ((*job)->Cancel(Now())) jobs_.NoteEnd(*job, Now());
  co_return Write(**job, *request);
}

Task<Result<RunPodJobPtr>> RunPodSurface::Submit(http::RequestPtr request,
                                                 std::string_view id_prefix) {
  const std::string& endpoint = request->params.at(0);
  const auto read = [request, &endpoint, &settings = parts_.settings.openai] {
    return ReadRunPod(*request, endpoint, settings);
  };
  auto call = Result<decltype(read())::value_type>();
  if (request->body.size() > kLargeBody) {
    call = co_await parts_.workers.Run(read);
  } else {
    call = read();
  }
  if (!call) co_return std::unexpected(call.error());
  call->request.tenant = TenantOf(*request);
  const auto job = std::make_shared<RunPodJob>(NewJobId(id_prefix), call->request.tenant, endpoint,
                                               call->as_url, Now());
  if (auto added = jobs_.Add(job, Now()); !added) co_return std::unexpected(added.error());
  auto image_request = std::make_shared<const ImageRequest>(std::move(call->request));
  // On the strand of the request, which may end first.
  const Executor executor = co_await asio::this_coro::executor;
  Spawn(executor, Work(job, std::move(image_request)), [](std::exception_ptr) {});
  co_return job;
}

Task<> RunPodSurface::Work(RunPodJobPtr job, std::shared_ptr<const ImageRequest> request) {
  if (!job->Start(Now())) co_return;  // cancelled
  Answer answer{.reply = Fail(Code::kInternal, "the job ended unexpectedly; see the log"),
                .decision = {}};
  try {
    answer = co_await parts_.cache.Handle(std::move(request));
  } catch (const std::exception& error) {
    log::error("job {}: {}", job->id(), error.what());
  }
  if (job->Finish(std::move(answer), Now())) jobs_.NoteEnd(job, Now());
}

Result<RunPodJobPtr> RunPodSurface::Find(const http::Request& request) const {
  const RunPodJobPtr job = jobs_.Find(request.params.at(1), Now());
  if (job && job->BelongsTo(TenantOf(request), request.params.at(0))) return job;
  return Fail(Code::kNotFound,
              "there is no such job of this endpoint; jobs are kept for 30 minutes after they end, "
              "and not across a restart");
}

http::Response RunPodSurface::Write(const RunPodJob& job, const http::Request& request) const {
  return job.Write(LinksFor(parts_.settings, request), Now());
}

}  // namespace reprise
