#include "upstream/api_caller.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/log.h"
#include "http/url.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxRedirects = 3;

// In [0, 1). Only spreads retries in time.
double Jitter() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::generate_canonical<double, 24>(random);
}

void ReplaceAll(std::string& text, const std::string& from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

bool IsRedirect(const http::ClientResponse& response) {
  constexpr int kRedirects[] = {301, 302, 303, 307, 308};
  return std::find(std::begin(kRedirects), std::end(kRedirects), response.status) !=
             std::end(kRedirects) &&
         response.Header("location");
}

// What a link's failing answer means. Whoever holds the link's query may read the image: it is a
// secret, so only the address in front of it is shown.
std::optional<ApiFault> ReadLinkFault(const std::string& where,
                                      const http::ClientResponse& response) {
  if ((response.status >= 200 && response.status < 300) || IsRedirect(response)) return {};
  const bool transient = http::IsTransient(response.status);
  return ApiFault{Error{.code = transient ? Code::kUnavailable : Code::kBadUpstream,
                        .message = "the upstream's image link " + where + " answered HTTP " +
                                   std::to_string(response.status),
                        .upstream_status = response.status}};
}

}  // namespace

Result<std::unique_ptr<ApiCaller>> ApiCaller::Create(UpstreamOptions options, UpstreamParts parts,
                                                     std::string authorization) {
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
  return std::unique_ptr<ApiCaller>(
      new ApiCaller(std::move(options), parts, std::move(authorization), url->host));
}

ApiCaller::ApiCaller(UpstreamOptions options, UpstreamParts parts, std::string authorization,
                     std::string host)
    : options_(std::move(options)),
      parts_(parts),
      authorization_(std::move(authorization)),
      host_(std::move(host)) {}

void ApiCaller::Authorize(http::ClientRequest& request) const {
  request.url = options_.base_url + request.url;
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
}

Task<Result<ApiCaller::Answered>> ApiCaller::Call(http::ClientRequest request, Deadline deadline,
                                                  Judge judge) const {
  Authorize(request);
  co_return co_await Fetch(std::move(request), deadline, std::move(judge));
}

Task<Result<http::ClientResponse>> ApiCaller::CallOnce(http::ClientRequest request,
                                                       milliseconds timeout, Judge judge) const {
  Authorize(request);
  request.timeout = std::min(options_.request_timeout, timeout);
  auto response = co_await parts_.client.Fetch(std::move(request));
  if (response) {
    if (auto fault = judge(*response)) co_return std::unexpected(std::move(fault->error));
  }
  co_return response;
}

Task<Result<ApiCaller::Answered>> ApiCaller::Fetch(http::ClientRequest request, Deadline deadline,
                                                   Judge judge) const {
  for (int number = 1;; ++number) {
    const milliseconds left = TimeLeft(deadline);
    if (left <= milliseconds(0)) {
      co_return Fail(Code::kDeadlineExceeded, "no time is left to ask upstream " + options_.name);
    }
    request.timeout = std::min(options_.request_timeout, left);
    auto response = co_await parts_.client.Fetch(request);
    if (response && !judge(*response)) co_return Answered{std::move(*response), number};

    Failure failure = Explain(std::move(response), judge);
    failure.attempt.number = number;
    failure.attempt.time_left = TimeLeft(deadline);
    const http::RetryDecision decision =
        http::DecideRetry(options_.retry, failure.attempt, Jitter());
    if (!decision.retry) {
      if (decision.advice_too_late) failure.error.code = Code::kRateLimited;
      co_return std::unexpected(std::move(failure.error));
    }
    log::info("upstream {}: attempt {} failed, next in {} ms: {}", options_.name, number,
              decision.wait.count(), WithoutKey(failure.error).message);
    co_await Sleep(decision.wait);
  }
}

ApiCaller::Failure ApiCaller::Explain(Result<http::ClientResponse> response,
                                      const Judge& judge) const {
  if (!response) {
    const Code code = response.error().code;
    const bool lasting = code != Code::kUnavailable && code != Code::kDeadlineExceeded;
    return {std::move(response.error()), {.lasting = lasting}};
  }
  ApiFault fault = *judge(*response);
  const auto advised = http::AdvisedWait(*response, parts_.clock.NowMs());
  if (advised) fault.error.retry_after_ms = advised->count();
  const bool lasting = fault.lasting || response->Header("x-should-retry") == "false";
  // Some APIs answer 200 and say in the body which status they mean.
  const int status = fault.error.upstream_status;
  return {std::move(fault.error), {.status = status, .lasting = lasting, .advised = advised}};
}

Task<Result<SharedBytes>> ApiCaller::FetchLink(std::string link, Deadline deadline) const {
  for (int hops = 0;; ++hops) {
    auto request = LinkRequest(link, host_, options_.private_links);
    if (!request) co_return std::unexpected(std::move(request.error()));
    request->max_response_bytes = options_.max_image_bytes;
    const std::string where = http::ParseUrl(link)->Printable();
    const Judge judge = [where](const http::ClientResponse& response) {
      return ReadLinkFault(where, response);
    };
    auto fetched = co_await Fetch(std::move(*request), deadline, judge);
    if (!fetched) {
      Error error = std::move(fetched.error());
      // Where the upstream's links lead is no fault of the caller.
      if (error.code == Code::kForbidden) error.code = Code::kBadUpstream;
      co_return std::unexpected(std::move(error));
    }
    if (!IsRedirect(fetched->response)) {
      if (!fetched->response.body.empty()) co_return ShareBytes(std::move(fetched->response.body));
      co_return Fail(Code::kBadUpstream, "the upstream's image link " + where + " is empty");
    }
    auto next = http::ResolveUrl(link, std::string(*fetched->response.Header("location")));
    if (!next || hops == kMaxRedirects) {
      co_return Fail(Code::kBadUpstream,
                     "the upstream's image link " + where +
                         (next ? " redirects more than 3 times" : " redirects to no usable URL"));
    }
    link = std::move(*next);
  }
}

Error ApiCaller::WithoutKey(Error error) const {
  // Also in the form it was sent in, which may be base64.
  const std::string credential = authorization_.substr(authorization_.find(' ') + 1);
  for (const std::string& secret : {options_.api_key, credential}) {
    if (secret.empty()) continue;
    for (std::string* text : {&error.message, &error.param, &error.upstream}) {
      ReplaceAll(*text, secret, "***");
    }
  }
  return error;
}

Result<http::ClientRequest> LinkRequest(const std::string& link, const std::string& api_host,
                                        bool private_links) {
  const auto url = http::ParseUrl(link);
  if (!url) {
    return Fail(Code::kBadUpstream, "the upstream's image link is no good: " + url.error().message);
  }
  const bool trusted = private_links || url->host == api_host || http::IsPrivateHost(api_host);
  if (!trusted && url->scheme != "https") {
    return Fail(Code::kBadUpstream, "the upstream's image link " + url->Printable() +
                                        " is neither https nor on the upstream's own host");
  }
  return http::ClientRequest{.url = link, .public_addresses_only = !trusted};
}

}  // namespace reprise
