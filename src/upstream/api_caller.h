// The OpenAI Images API, or anything that speaks it, as an ImageGenerator.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "http/client.h"
#include "http/retry.h"
#include "upstream/image_generator.h"
#include "upstream/openai_protocol.h"

namespace reprise {

struct OpenAiOptions {
  std::string name = "openai";
  std::string base_url = "https://api.openai.com/v1";
  std::string api_key;  // empty: no Authorization header; never logged, never in an Error
  std::chrono::milliseconds request_timeout{120'000};  // of one attempt
  std::chrono::milliseconds probe_timeout{5'000};
  http::RetryPolicy retry;
  std::size_t max_image_bytes = 64u << 20;
};

// What the generator uses; all of it outlives the generator.
struct OpenAiParts {
  http::Client& client;
  WorkerPool& workers;  // reads answers, which are megabytes of base64
  const Clock& clock;   // compares Retry-After dates
};

// Links in an answer are fetched without the key, and only from the upstream's own host or, by
// https, from public addresses; an upstream on this machine or a private network may link anywhere.
class OpenAiGenerator final : public ImageGenerator {
 public:
  // kInvalidArgument when base_url or api_key cannot be used. The generator outlives its calls.
  static Result<std::unique_ptr<OpenAiGenerator>> Create(OpenAiOptions options, OpenAiParts parts);

  std::string_view name() const override { return options_.name; }

  // More images than the model gives per call are asked for in parallel calls; some of them failing
  // means fewer images, all of them failing is the first failure.
  Task<Result<Generated>> Generate(GenerateRequest request) override;
  Task<Result<void>> Probe() override;

 private:
  struct Calls;
  using Judge = std::function<OpenAiFault(const http::ClientResponse&)>;
  struct Fetched {
    http::ClientResponse response;
    int attempts = 1;
  };
  struct Failure {
    Error error;
    http::FailedAttempt attempt;
  };

  OpenAiGenerator(OpenAiOptions options, OpenAiParts parts, std::string host);

  http::ClientRequest ApiRequest(std::string method, std::string path) const;
  Task<Result<Generated>> GenerateParallel(GenerateRequest request, int per_call);
  Task<> RunCall(std::shared_ptr<Calls> calls, std::size_t index, GenerateRequest request);
  Task<Result<Generated>> Call(GenerateRequest request);
  Task<Result<OpenAiAnswer>> Parse(std::shared_ptr<http::ClientResponse> response);
  Task<Result<Generated>> Collect(OpenAiAnswer answer, int count, Deadline deadline);
  Task<Result<SharedBytes>> FetchLink(std::string link, Deadline deadline);
  // Until a 2xx answer, a lasting failure, the last attempt or the deadline.
  Task<Result<Fetched>> FetchWithRetries(http::ClientRequest request, Deadline deadline,
                                         Judge judge);
  Failure Explain(Result<http::ClientResponse> response, const Judge& judge) const;
  Error WithoutKey(Error error) const;

  const OpenAiOptions options_;
  const std::string host_;  // of base_url
  const OpenAiParts parts_;
};

}  // namespace reprise
