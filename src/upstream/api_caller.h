// One call to an image API: attempts with jittered backoff and Retry-After until the deadline, the
// key added to requests and taken out of errors, images fetched that an answer links to. What is
// called and what it means is the API's (see image_api.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "upstream/api_answer.h"
#include "upstream/upstream.h"

namespace reprise {

// Safe for any thread; outlives its calls.
class ApiCaller {
 public:
  // Nothing when the response can be used.
  using Judge = std::function<std::optional<ApiFault>(const http::ClientResponse&)>;

  struct Answered {
    http::ClientResponse response;
    int attempts = 1;
  };

  // `authorization` is the whole header's value, or empty. kInvalidArgument when the URL or the key
  // cannot be used.
  static Result<std::unique_ptr<ApiCaller>> Create(UpstreamOptions options, UpstreamParts parts,
                                                   std::string authorization);

  const UpstreamOptions& options() const { return options_; }
  const UpstreamParts& parts() const { return parts_; }

  // Asks until the judge is content, a failure lasts, or attempts or time are used up.
  // `request.url` is a path below base_url; the key is added.
  Task<Result<Answered>> Call(http::ClientRequest request, Deadline deadline, Judge judge) const;

  // One attempt, for what is not worth more: probes and cancellations.
  Task<Result<http::ClientResponse>> CallOnce(http::ClientRequest request,
                                              std::chrono::milliseconds timeout, Judge judge) const;

  // The bytes of an image that an answer links to, without the key. Only http and https; from the
  // upstream's own host, else by https and from public addresses, unless private_links is set or
  // the upstream itself is on this machine or a private network. At most three redirects, each
  // under the same rule. kBadUpstream when the link leads nowhere good, kTooLarge.
  Task<Result<SharedBytes>> FetchLink(std::string link, Deadline deadline) const;

  // Upstreams repeat what they were sent in their messages.
  Error WithoutKey(Error error) const;

 private:
  struct Failure {
    Error error;
    http::FailedAttempt attempt;
  };

  ApiCaller(UpstreamOptions options, UpstreamParts parts, std::string authorization,
            std::string host);

  void Authorize(http::ClientRequest& request) const;
  Task<Result<Answered>> Fetch(http::ClientRequest request, Deadline deadline, Judge judge) const;
  Failure Explain(Result<http::ClientResponse> response, const Judge& judge) const;

  const UpstreamOptions options_;
  const UpstreamParts parts_;
  const std::string authorization_;
  const std::string host_;  // of base_url
};

// How to fetch an image that an answer of the API on `api_host` links to; see FetchLink.
Result<http::ClientRequest> LinkRequest(const std::string& link, const std::string& api_host,
                                        bool private_links);

}  // namespace reprise
