// Any image API as an ImageGenerator.
#pragma once

#include <memory>
#include <string_view>

#include "upstream/api_caller.h"
#include "upstream/image_api.h"

namespace reprise {

class ApiGenerator final : public ImageGenerator {
 public:
  // kInvalidArgument when the URL or the key cannot be used. The generator outlives its calls.
  static Result<std::unique_ptr<ApiGenerator>> Create(std::unique_ptr<ImageApi> api,
                                                      UpstreamOptions options, UpstreamParts parts);

  std::string_view name() const override { return caller_->options().name; }

  // More images than the API gives per call are asked for in parallel calls, each with a seed of
  // its own; some of them failing means fewer images, all of them failing is the first failure.
  Task<Result<Generated>> Generate(GenerateRequest request) override;
  Task<Result<void>> Probe() override;

 private:
  struct Calls;

  ApiGenerator(std::unique_ptr<ImageApi> api, std::unique_ptr<ApiCaller> caller)
      : api_(std::move(api)), caller_(std::move(caller)) {}

  ApiCaller::Judge Judge() const;
  Task<Result<Generated>> GenerateParallel(GenerateRequest request, int per_call);
  Task<> RunCall(std::shared_ptr<Calls> calls, std::size_t index, GenerateRequest request);
  Task<Result<Generated>> Call(GenerateRequest request);
  // Asks after the job at poll_interval until it has ended; cancels it when it is given up.
  Task<Result<ApiCaller::Answered>> Await(ApiJob job, Deadline deadline, std::size_t max_bytes);
  Task<Result<ApiAnswer>> Parse(std::shared_ptr<http::ClientResponse> response);
  Task<Result<Generated>> Collect(ApiAnswer answer, int count, Deadline deadline);

  const std::unique_ptr<ImageApi> api_;
  const std::unique_ptr<ApiCaller> caller_;
};

}  // namespace reprise
