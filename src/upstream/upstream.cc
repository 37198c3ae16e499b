#include "upstream/upstream.h"

#include "upstream/api_generator.h"

namespace reprise {
namespace {

std::unique_ptr<ImageApi> MakeApi(UpstreamKind kind) {
  switch (kind) {
    case UpstreamKind::kOpenAi:
      return MakeOpenAiApi();
    case UpstreamKind::kChat:
      return MakeChatApi();
    case UpstreamKind::kRunPod:
      return MakeRunPodApi();
    case UpstreamKind::kPollinations:
      return MakePollinationsApi();
    case UpstreamKind::kAutomatic1111:
      return MakeAutomatic1111Api();
  }
  return MakeOpenAiApi();
}

}  // namespace

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
  auto api = MakeApi(options.kind);
  if (options.base_url.empty() && api->DefaultUrl().empty()) {
    return Fail(Code::kInvalidArgument,
                "upstream " + options.name + ": kind " + std::string(ToString(options.kind)) +
                    " has no address of its own; set its url to "
                    "https://api.runpod.ai/v2/ENDPOINT",
                "base_url");
  }
  auto made = ApiGenerator::Create(std::move(api), std::move(options), parts);
  if (!made) return std::unexpected(std::move(made.error()));
  return std::move(*made);
}

}  // namespace reprise
