// A RunPod serverless endpoint with a Stable Diffusion worker, simulated: jobs that are waited for
// or asked after, and cancelled.
#include <charconv>
#include <optional>

#include "app/simulator_apis.h"
#include "base/async_value.h"
#include "gateway/errors.h"

namespace reprise {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kKeptJobs = 1000;

struct RunPodJob {
  using Outcome = std::shared_ptr<const Result<SimulatedOutcome>>;

  std::string id;
  SimulatedCall call;
  std::atomic<bool> cancelled = false;
  AsyncValue<Outcome> done;
};

http::Response RunPodError(int status, std::string_view message) {
  return http::Json(status, json{{"error", message}}.dump());
}

Result<SimulatedCall> ReadRunPodJob(const json& body) {
  const json input = Get<json>(body, "input", json());
  if (!input.is_object()) return Fail(Code::kInvalidArgument, "'input' is required");
  SimulatedCall call;
  call.picture.text = Get<std::string>(input, "prompt", "");
  call.picture.theme = ThemeOf(call.picture.text);
  call.picture.width = Get<int>(input, "width", 1024);
  call.picture.height = Get<int>(input, "height", 1024);
  call.picture.seed = SeedOr(Get<std::int64_t>(input, "seed", -1));
  call.count = Get<int>(input, "num_images", 1);
  if (call.count < 1 || call.count > 8) {
    return Fail(Code::kInvalidArgument, "num_images must be from 1 to 8");
  }
  return call;
}

// ?wait=MILLISECONDS, 90 s when it is absent.
milliseconds WaitOf(std::string_view query) {
  long long wait = 90'000;
  constexpr std::string_view kName = "wait=";
  if (query.starts_with(kName)) {
    std::from_chars(query.data() + kName.size(), query.data() + query.size(), wait);
  }
  return milliseconds(wait);
}

class SimulatedRunPod final : public Surface {
 public:
  explicit SimulatedRunPod(SimulatorCore& core) : core_(core) {}

  void AddRoutes(http::Router& router) override {
    const std::string endpoint = "/v2/{endpoint}";
    router.Add("POST", endpoint + "/runsync", RouteTo(this, &SimulatedRunPod::RunSync));
    router.Add("POST", endpoint + "/run", RouteTo(this, &SimulatedRunPod::Run));
    router.Add("GET", endpoint + "/status/{id}", RouteTo(this, &SimulatedRunPod::Status));
    router.Add("POST", endpoint + "/cancel/{id}", RouteTo(this, &SimulatedRunPod::Cancel));
    router.Add("GET", endpoint + "/health", RouteTo(this, &SimulatedRunPod::Health));
  }

 private:
  using JobPtr = std::shared_ptr<RunPodJob>;

  Task<http::Response> RunSync(http::RequestPtr request) {
    auto job = co_await Submit(*request);
    if (!job) co_return RunPodError(400, job.error().message);
    const bool queued = FaultOf((*job)->call.picture.text) == "queue";
    const Deadline until = After(queued ? milliseconds(0) : WaitOf(request->query));
    const auto outcome = co_await (*job)->done.WaitUntil(until);
    // What fails before a worker has the job fails the call; later, the job.
    if (outcome && **outcome && (**outcome)->kind == SimulatedOutcome::Kind::kFailed) {
      co_return SimulatorCore::Send(***outcome,
                                    RunPodError((**outcome)->status, (**outcome)->Message()));
    }
    co_return Describe(**job, outcome.value_or(nullptr));
  }

  Task<http::Response> Run(http::RequestPtr request) {
    auto job = co_await Submit(*request);
    if (!job) co_return RunPodError(400, job.error().message);
    co_return http::Json(200, json{{"id", (*job)->id}, {"status", "IN_QUEUE"}}.dump());
  }

  Task<http::Response> Status(http::RequestPtr request) {
    const JobPtr job = Find(request->params.at(1));
    if (!job) co_return RunPodError(404, "job not found");
    const auto outcome = co_await job->done.WaitUntil(After(milliseconds(0)));
    co_return Describe(*job, outcome.value_or(nullptr));
  }

  Task<http::Response> Cancel(http::RequestPtr request) {
    const JobPtr job = Find(request->params.at(1));
    if (!job) co_return RunPodError(404, "job not found");
    if (!job->cancelled.exchange(true)) core_.CountCancelled();
    co_return http::Json(200, json{{"id", job->id}, {"status", "CANCELLED"}}.dump());
  }

  Task<http::Response> Health(http::RequestPtr) {
    co_return http::Json(200, R"({"jobs":{"inQueue":0},"workers":{"idle":1,"running":0}})");
  }

  Task<Result<JobPtr>> Submit(const http::Request& request) {
    auto running = std::make_shared<SimulatorCore::Running>(core_, SimulatedKind::kRunPod);
    auto call = ReadSimulated(request.body, ReadRunPodJob);
    if (!call) co_return std::unexpected(call.error());
    auto job = std::make_shared<RunPodJob>();
    job->call = std::move(*call);
    Remember(job);
    Spawn(Strand(core_.context()), Work(job), [running](std::exception_ptr) {});
    co_return job;
  }

  void Remember(const JobPtr& job) {
    std::lock_guard lock(mutex_);
    job->id = "sync-" + std::to_string(++last_id_);
    jobs_[job->id] = job;
    order_.push_back(job->id);
    if (order_.size() > kKeptJobs) {
      jobs_.erase(order_.front());
      order_.pop_front();
    }
  }

  JobPtr Find(const std::string& id) {
    std::lock_guard lock(mutex_);
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : found->second;
  }

  Task<> Work(JobPtr job) {
    auto outcome = co_await core_.Perform(SimulatedKind::kRunPod, job->call);
    job->done.Set(std::make_shared<const Result<SimulatedOutcome>>(std::move(outcome)));
  }

  static http::Response Describe(const RunPodJob& job, const RunPodJob::Outcome& outcome) {
    json body = {{"id", job.id}, {"status", "IN_PROGRESS"}};
    if (job.cancelled) {
      body["status"] = "CANCELLED";
    } else if (!outcome && FaultOf(job.call.picture.text) == "queue") {
      body["status"] = "IN_QUEUE";
    } else if (outcome) {
      return Conclude(std::move(body), *outcome);
    }
    return http::Json(200, body.dump());
  }

  static http::Response Conclude(json body, const Result<SimulatedOutcome>& outcome) {
    if (!outcome) return ErrorResponse(outcome.error());
    if (outcome->kind != SimulatedOutcome::Kind::kImages) {
      body["status"] = "FAILED";
      body["error"] = outcome->Message();
      return http::Json(200, body.dump());
    }
    json images = json::array();
    for (const SharedBytes& bytes : outcome->images) {
      std::string url = "data:image/png;base64,";
      Base64Append(*bytes, url);
      images.push_back(std::move(url));
    }
    body["status"] = "COMPLETED";
    body["delayTime"] = 5;
    body["executionTime"] = 100;
    body["output"] = {{"images", std::move(images)}};
    return SimulatorCore::Send(*outcome, http::Json(200, body.dump()));
  }

  SimulatorCore& core_;
  std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::string, JobPtr> jobs_;
  std::deque<std::string> order_;
};

}  // namespace

std::unique_ptr<Surface> SimulateRunPod(SimulatorCore& core) {
  return std::make_unique<SimulatedRunPod>(core);
}

}  // namespace reprise
