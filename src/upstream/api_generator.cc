#include "upstream/api_generator.h"

#include <algorithm>
#include <utility>

#include "base/async_value.h"
#include "base/log.h"
#include "upstream/usage.h"

namespace reprise {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Kept of the deadline for ending a job that is given up.
constexpr milliseconds kTimeToCancel{250};

// Answers up to this size are read at once, in some 50 us: less than a worker's turn costs.
constexpr std::size_t kSmallAnswer = 128u << 10;

// The mean of what the images cost; nothing unless every call told.
void AddCost(Generated& total, const Generated& more) {
  const auto count = static_cast<double>(total.images.size());
  const auto added = static_cast<double>(more.images.size());
  if (!more.image_usd || (count > 0 && !total.image_usd)) {
    total.image_usd.reset();
  } else {
    total.image_usd =
        (total.image_usd.value_or(0) * count + *more.image_usd * added) / (count + added);
  }
}

}  // namespace

// Calls of one request under way at once; all on one strand.
struct ApiGenerator::Calls {
  explicit Calls(std::size_t count)
      : open(count), results(count, Fail(Code::kInternal, "an upstream call ended abruptly")) {}

  std::size_t open;
  std::vector<Result<Generated>> results;
  AsyncValue<bool> done;
};

Result<std::unique_ptr<ApiGenerator>> ApiGenerator::Create(std::unique_ptr<ImageApi> api,
                                                           UpstreamOptions options,
                                                           UpstreamParts parts) {
  if (options.base_url.empty()) options.base_url = api->DefaultUrl();
  std::string authorization;
  if (!options.api_key.empty()) authorization = api->Authorization(options.api_key);
  auto caller = ApiCaller::Create(std::move(options), parts, std::move(authorization));
  if (!caller) return std::unexpected(std::move(caller.error()));
  return std::unique_ptr<ApiGenerator>(new ApiGenerator(std::move(api), std::move(*caller)));
}

ApiCaller::Judge ApiGenerator::Judge() const {
  return [this](const http::ClientResponse& response) { return api_->FaultOf(name(), response); };
}

Task<Result<Generated>> ApiGenerator::Generate(GenerateRequest request) {
  if (request.count < 1) {
    co_return Fail(Code::kInvalidArgument,
                   "n is " + std::to_string(request.count) + "; ask for 1 or more", "n");
  }
  const int per_call = api_->ImagesPerCall(request.model);
  Result<Generated> result;
  if (request.count <= per_call) {
    result = co_await Call(std::move(request));
  } else {
    result = co_await GenerateParallel(std::move(request), per_call);
  }
  if (!result) co_return std::unexpected(caller_->WithoutKey(std::move(result.error())));
  co_return result;
}

Task<Result<Generated>> ApiGenerator::GenerateParallel(GenerateRequest request, int per_call) {
  const Executor executor = co_await asio::this_coro::executor;
  const int wanted = request.count;
  const std::optional<std::int64_t> seed = request.seed;
  auto calls = std::make_shared<Calls>((wanted + per_call - 1) / per_call);
  for (std::size_t i = 0; i < calls->results.size(); ++i) {
    const int before = static_cast<int>(i) * per_call;
    request.count = std::min(per_call, wanted - before);
    if (seed) request.seed = *seed + before;
    Spawn(executor, RunCall(calls, i, request), [calls](std::exception_ptr) {
      if (--calls->open == 0) calls->done.Set(true);
    });
  }
  co_await calls->done.WaitUntil(Deadline::max());  // every call keeps the request's deadline

  Generated all{.attempts = 0};
  for (Result<Generated>& result : calls->results) {
    if (!result) {
      log::warn("upstream {}: one of several calls failed: {}", name(),
                caller_->WithoutKey(result.error()).message);
      continue;
    }
    AddCost(all, *result);
    std::move(result->images.begin(), result->images.end(), std::back_inserter(all.images));
    all.usage = SumUsage(all.usage, result->usage);
    all.attempts += result->attempts;
    if (all.text.empty()) all.text = std::move(result->text);
  }
  if (all.images.empty()) co_return std::move(calls->results.front());
  co_return all;
}

Task<> ApiGenerator::RunCall(std::shared_ptr<Calls> calls, std::size_t index,
                             GenerateRequest request) {
  auto result = co_await Call(std::move(request));
  calls->results[index] = std::move(result);
}

Task<Result<Generated>> ApiGenerator::Call(GenerateRequest request) {
  const milliseconds patience =
      std::min(caller_->options().request_timeout, TimeLeft(request.deadline));
  auto call = api_->Compose(request, patience);
  if (!call) co_return std::unexpected(std::move(call.error()));
  const std::size_t encoded = caller_->options().max_image_bytes / 3 * 4 + (1u << 20);
  const std::size_t max_bytes = encoded * static_cast<std::size_t>(request.count);
  call->max_response_bytes = max_bytes;
  auto fetched = co_await caller_->Call(std::move(*call), request.deadline, Judge());
  if (!fetched) co_return std::unexpected(std::move(fetched.error()));
  const int attempts = fetched->attempts;
  if (auto job = api_->PendingJob(fetched->response)) {
    fetched = co_await Await(std::move(*job), request.deadline, max_bytes);
    if (!fetched) co_return std::unexpected(std::move(fetched.error()));
  }
  auto answer =
      co_await Parse(std::make_shared<http::ClientResponse>(std::move(fetched->response)));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  auto generated = co_await Collect(std::move(*answer), request.count, request.deadline);
  if (generated) generated->attempts = attempts;
  co_return generated;
}

Task<Result<ApiCaller::Answered>> ApiGenerator::Await(ApiJob job, Deadline deadline,
                                                      std::size_t max_bytes) {
  job.ask.max_response_bytes = max_bytes;
  const Deadline last = deadline - kTimeToCancel;
  Error fault{.code = Code::kDeadlineExceeded,
              .message = "the upstream's job was still under way when the time was up"};
  while (TimeLeft(last) > caller_->options().poll_interval) {
    co_await Sleep(caller_->options().poll_interval);
    auto fetched = co_await caller_->Call(job.ask, last, Judge());
    if (!fetched) {
      fault = std::move(fetched.error());
      // The job was not found, nothing that the caller named.
      if (fault.code == Code::kNotFound) fault.code = Code::kBadUpstream;
      break;
    }
    if (!api_->PendingJob(fetched->response)) co_return fetched;
  }
  const auto cancelled = co_await caller_->CallOnce(std::move(job.cancel), kTimeToCancel, Judge());
  if (!cancelled) {
    log::warn("upstream {}: a job could not be cancelled: {}", name(),
              caller_->WithoutKey(cancelled.error()).message);
  }
  co_return std::unexpected(std::move(fault));
}

Task<Result<ApiAnswer>> ApiGenerator::Parse(std::shared_ptr<http::ClientResponse> response) {
  const std::size_t limit = caller_->options().max_image_bytes;
  if (response->body.size() <= kSmallAnswer) co_return api_->Read(*response, limit);
  auto work = [this, response, limit] { return api_->Read(*response, limit); };
  auto answer = co_await caller_->parts().workers.Run(work);
  // The images are paid for: a full queue costs this thread some milliseconds, not the answer.
  if (!answer && answer.error().code == Code::kOverloaded) answer = work();
  co_return answer;
}

Task<Result<Generated>> ApiGenerator::Collect(ApiAnswer answer, int count, Deadline deadline) {
  Generated generated{.usage = std::move(answer.usage), .text = std::move(answer.text)};
  Error fault;
  for (ApiImage& image : answer.images) {
    if (static_cast<int>(generated.images.size()) == count) break;
    Result<SharedBytes> bytes = ShareBytes(std::move(image.bytes));
    if (!image.link.empty()) bytes = co_await caller_->FetchLink(image.link, deadline);
    if (bytes) {
      generated.images.push_back({std::move(*bytes), std::move(image.revised_prompt)});
    } else {
      fault = std::move(bytes.error());
      log::warn("upstream {}: an image is lost: {}", name(), fault.message);
    }
  }
  if (generated.images.empty()) co_return std::unexpected(std::move(fault));
  if (answer.cost_usd) {
    generated.image_usd = *answer.cost_usd / static_cast<double>(generated.images.size());
  }
  co_return generated;
}

Task<Result<void>> ApiGenerator::Probe() {
  auto response =
      co_await caller_->CallOnce(api_->Probe(), caller_->options().probe_timeout, Judge());
  if (!response) co_return std::unexpected(caller_->WithoutKey(std::move(response.error())));
  co_return Result<void>();
}

}  // namespace reprise
