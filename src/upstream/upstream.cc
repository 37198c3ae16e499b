#include "upstream/upstream.h"

#include "upstream/openai_generator.h"

namespace reprise {

std::string_view ToString(UpstreamKind kind) {
  switch (kind) {
    case UpstreamKind::kOpenAi:
      return "openai";
    case UpstreamKind::kChat:
      return "chat";
    case UpstreamKind::kRunPod:
      return "runpod";
    case UpstreamKind::kPollinations:
      return "pollinations";
    case UpstreamKind::kAutomatic1111:
      return "automatic1111";
  }
  return "openai";
}

Result<std::unique_ptr<ImageGenerator>> MakeUpstream(UpstreamOptions options, UpstreamParts parts) {
  if (options.kind != UpstreamKind::kOpenAi) {
    return Fail(Code::kInvalidArgument,
                "upstreams of kind " + std::string(ToString(options.kind)) + " do not exist yet");
  }
  auto made = OpenAiGenerator::Create({.name = options.name,
                                       .base_url = options.base_url,
                                       .api_key = options.api_key,
                                       .request_timeout = options.request_timeout,
                                       .probe_timeout = options.probe_timeout,
                                       .retry = options.retry,
                                       .max_image_bytes = options.max_image_bytes},
                                      {parts.client, parts.workers, parts.clock});
  if (!made) return std::unexpected(made.error());
  return std::move(*made);
}

}  // namespace reprise
