#include "upstream/openai_generator.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "base/async_value.h"
#include "base/log.h"
#include "http/url.h"

namespace reprise {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// In [0, 1). Only spreads retries in time.
double Jitter() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::generate_canonical<double, 24>(random);
}

milliseconds TimeLeft(Deadline deadline) {
  return std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
}

bool IsSuccess(const http::ClientResponse& response) {
  return response.status >= 200 && response.status < 300;
}

void ReplaceAll(std::string& text, const std::string& from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Adds the numbers of `more` to those of `total`, at any depth; all else is taken from the first.
void AddUsage(json& total, const json& more) {
  for (const auto& [key, value] : more.items()) {
    json& own = total[key];
    if (own.is_null()) {
      own = value;
    } else if (own.is_object() && value.is_object()) {
      AddUsage(own, value);
    } else if (own.is_number_integer() && value.is_number_integer()) {
      own = own.get<std::int64_t>() + value.get<std::int64_t>();
    } else if (own.is_number() && value.is_number()) {
      own = own.get<double>() + value.get<double>();
    }
  }
}

std::string SumUsage(const std::string& total, const std::string& more) {
  if (total.empty() || more.empty()) return total + more;
  json sum = json::parse(total);  // both were written by json::dump
  AddUsage(sum, json::parse(more));
  return sum.dump();
}

// What a link's failing answer means. Whoever holds the link's query may read the image: it is a
// secret, so only the address in front of it is shown.
OpenAiFault ReadLinkFault(const std::string& where, const http::ClientResponse& response) {
  return {
      Error{.code = http::IsTransient(response.status) ? Code::kUnavailable : Code::kBadUpstream,
            .message = "the upstream's image link " + where + " answered HTTP " +
                       std::to_string(response.status),
            .upstream_status = response.status}};
}

}  // namespace

// Calls of one request under way at once; all on one strand.
struct OpenAiGenerator::Calls {
  explicit Calls(std::size_t count)
      : open(count), results(count, Fail(Code::kInternal, "an upstream call ended abruptly")) {}

  std::size_t open;
  std::vector<Result<Generated>> results;
  AsyncValue<bool> done;
};

Result<std::unique_ptr<OpenAiGenerator>> OpenAiGenerator::Create(OpenAiOptions options,
                                                                 OpenAiParts parts) {
  const auto url = http::ParseUrl(options.base_url);
  if (!url || options.base_url.find_first_of("?#") != std::string::npos) {
    return Fail(Code::kInvalidArgument,
                "upstream " + options.name + ": base_url must look like https://host/v1",
                "base_url");
  }
  if (options.api_key.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return Fail(Code::kInvalidArgument,
                "upstream " + options.name + ": the API key contains a line break", "api_key");
  }
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  return std::unique_ptr<OpenAiGenerator>(
      new OpenAiGenerator(std::move(options), parts, url->host));
}

OpenAiGenerator::OpenAiGenerator(OpenAiOptions options, OpenAiParts parts, std::string host)
    : options_(std::move(options)), host_(std::move(host)), parts_(parts) {}

Task<Result<Generated>> OpenAiGenerator::Generate(GenerateRequest request) {
  if (request.count < 1) {
    co_return Fail(Code::kInvalidArgument,
                   "n is " + std::to_string(request.count) + "; ask for 1 or more", "n");
  }
  const int per_call = ImagesPerCall(request.model);
  Result<Generated> result;
  if (request.count <= per_call) {
    result = co_await Call(std::move(request));
  } else {
    result = co_await GenerateParallel(std::move(request), per_call);
  }
  if (!result) co_return std::unexpected(WithoutKey(std::move(result.error())));
  co_return result;
}

Task<Result<Generated>> OpenAiGenerator::GenerateParallel(GenerateRequest request, int per_call) {
  const Executor executor = co_await asio::this_coro::executor;
  const int wanted = request.count;
  auto calls = std::make_shared<Calls>((wanted + per_call - 1) / per_call);
  for (std::size_t i = 0; i < calls->results.size(); ++i) {
    request.count = std::min(per_call, wanted - static_cast<int>(i) * per_call);
    Spawn(executor, RunCall(calls, i, request), [calls](std::exception_ptr) {
      if (--calls->open == 0) calls->done.Set(true);
    });
  }
  co_await calls->done.WaitUntil(Deadline::max());  // every call keeps the request's deadline

  Generated all{.attempts = 0};
  for (Result<Generated>& result : calls->results) {
    if (!result) {
      log::warn("upstream {}: one of several calls failed: {}", name(),
                WithoutKey(result.error()).message);
      continue;
    }
    std::move(result->images.begin(), result->images.end(), std::back_inserter(all.images));
    all.usage = SumUsage(all.usage, result->usage);
    all.attempts += result->attempts;
  }
  if (all.images.empty()) co_return std::move(calls->results.front());
  co_return all;
}

Task<> OpenAiGenerator::RunCall(std::shared_ptr<Calls> calls, std::size_t index,
                                GenerateRequest request) {
  auto result = co_await Call(std::move(request));
  calls->results[index] = std::move(result);
}

Task<Result<Generated>> OpenAiGenerator::Call(GenerateRequest request) {
  auto body = OpenAiBody(request, request.count);
  if (!body) co_return std::unexpected(std::move(body.error()));
  http::ClientRequest call = ApiRequest("POST", "/images/generations");
  call.headers.emplace_back("Content-Type", "application/json");
  call.body = std::move(*body);
  call.max_response_bytes = (options_.max_image_bytes / 3 * 4 + (1u << 20)) * request.count;
  const Judge judge = [this](const http::ClientResponse& response) {
    return ReadOpenAiFault(name(), response);
  };
  auto fetched = co_await FetchWithRetries(std::move(call), request.deadline, judge);
  if (!fetched) co_return std::unexpected(std::move(fetched.error()));
  auto answer =
      co_await Parse(std::make_shared<http::ClientResponse>(std::move(fetched->response)));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  auto generated = co_await Collect(std::move(*answer), request.count, request.deadline);
  if (generated) generated->attempts = fetched->attempts;
  co_return generated;
}

Task<Result<OpenAiAnswer>> OpenAiGenerator::Parse(std::shared_ptr<http::ClientResponse> response) {
  const std::size_t limit = options_.max_image_bytes;
  auto work = [response, limit] { return ParseOpenAiAnswer(*response, limit); };
  auto answer = co_await parts_.workers.Run(work);
  // The images are paid for: a full queue costs this thread some milliseconds, not the answer.
  if (!answer && answer.error().code == Code::kOverloaded) answer = work();
  co_return answer;
}

Task<Result<Generated>> OpenAiGenerator::Collect(OpenAiAnswer answer, int count,
                                                 Deadline deadline) {
  Generated generated{.usage = std::move(answer.usage)};
  Error fault;
  for (OpenAiImage& image : answer.images) {
    if (static_cast<int>(generated.images.size()) == count) break;
    Result<SharedBytes> bytes = ShareBytes(std::move(image.bytes));
    if (!image.link.empty()) bytes = co_await FetchLink(image.link, deadline);
    if (bytes) {
      generated.images.push_back({std::move(*bytes), std::move(image.revised_prompt)});
    } else {
      fault = std::move(bytes.error());
      log::warn("upstream {}: an image is lost: {}", name(), fault.message);
    }
  }
  if (generated.images.empty()) co_return std::unexpected(std::move(fault));
  co_return generated;
}

Task<Result<SharedBytes>> OpenAiGenerator::FetchLink(std::string link, Deadline deadline) {
  auto request = OpenAiLinkRequest(link, host_);
  if (!request) co_return std::unexpected(std::move(request.error()));
  request->max_response_bytes = options_.max_image_bytes;
  const std::string where = http::ParseUrl(link)->Printable();
  const Judge judge = [where](const http::ClientResponse& response) {
    return ReadLinkFault(where, response);
  };
  auto fetched = co_await FetchWithRetries(std::move(*request), deadline, judge);
  if (!fetched) {
    Error error = std::move(fetched.error());
    // Where the upstream's links lead is no fault of the caller.
    if (error.code == Code::kForbidden) error.code = Code::kBadUpstream;
    co_return std::unexpected(std::move(error));
  }
  if (fetched->response.body.empty()) {
    co_return Fail(Code::kBadUpstream, "the upstream's image link " + where + " is empty");
  }
  co_return ShareBytes(std::move(fetched->response.body));
}

Task<Result<OpenAiGenerator::Fetched>> OpenAiGenerator::FetchWithRetries(
    http::ClientRequest request, Deadline deadline, Judge judge) {
  for (int number = 1;; ++number) {
    const milliseconds left = TimeLeft(deadline);
    if (left <= milliseconds(0)) {
      co_return Fail(Code::kDeadlineExceeded, "no time is left to ask upstream " + options_.name);
    }
    request.timeout = std::min(options_.request_timeout, left);
    auto response = co_await parts_.client.Fetch(request);
    if (response && IsSuccess(*response)) co_return Fetched{std::move(*response), number};

    Failure failure = Explain(std::move(response), judge);
    failure.attempt.number = number;
    failure.attempt.time_left = TimeLeft(deadline);
    const http::RetryDecision decision =
        http::DecideRetry(options_.retry, failure.attempt, Jitter());
    if (!decision.retry) {
      if (decision.advice_too_late) failure.error.code = Code::kRateLimited;
      co_return std::unexpected(std::move(failure.error));
    }
    log::info("upstream {}: attempt {} failed, next in {} ms: {}", name(), number,
              decision.wait.count(), WithoutKey(failure.error).message);
    co_await Sleep(decision.wait);
  }
}

OpenAiGenerator::Failure OpenAiGenerator::Explain(Result<http::ClientResponse> response,
                                                  const Judge& judge) const {
  if (!response) {
    const Code code = response.error().code;
    const bool lasting = code != Code::kUnavailable && code != Code::kDeadlineExceeded;
    return {std::move(response.error()), {.lasting = lasting}};
  }
  OpenAiFault fault = judge(*response);
  const auto advised = http::AdvisedWait(*response, parts_.clock.NowMs());
  if (advised) fault.error.retry_after_ms = advised->count();
  const bool lasting = fault.lasting || response->Header("x-should-retry") == "false";
  return {std::move(fault.error),
          {.status = response->status, .lasting = lasting, .advised = advised}};
}

Task<Result<void>> OpenAiGenerator::Probe() {
  http::ClientRequest request = ApiRequest("GET", "/models");
  request.timeout = options_.probe_timeout;
  auto response = co_await parts_.client.Fetch(std::move(request));
  if (!response) co_return std::unexpected(WithoutKey(std::move(response.error())));
  if (!IsSuccess(*response)) {
    co_return std::unexpected(WithoutKey(ReadOpenAiFault(name(), *response).error));
  }
  co_return Result<void>();
}

http::ClientRequest OpenAiGenerator::ApiRequest(std::string method, std::string path) const {
  http::ClientRequest request{.method = std::move(method), .url = options_.base_url + path};
  request.headers.emplace_back("Accept", "application/json");
  if (!options_.api_key.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + options_.api_key);
  }
  return request;
}

// Upstreams repeat what they were sent in their messages.
Error OpenAiGenerator::WithoutKey(Error error) const {
  if (options_.api_key.empty()) return error;
  for (std::string* text : {&error.message, &error.param, &error.upstream}) {
    ReplaceAll(*text, options_.api_key, "***");
  }
  return error;
}

}  // namespace reprise
