#include "upstream/image_api.h"

#include "base/json.h"

namespace reprise {

using nlohmann::json;

namespace {
constexpr char kChatParts[] = "chat_parts";
}  // namespace

std::optional<ApiFault> ImageApi::FaultOf(std::string_view name,
                                          const http::ClientResponse& response) const {
  if (response.status >= 200 && response.status < 300) return {};
  return ReadApiFault(name, response);
}

Result<json> ReadParams(const GenerateRequest& request) {
  json params = ParseJson(request.params);
  if (!params.is_object()) {
    return Fail(Code::kInvalidArgument, "the request's other parameters are not a JSON object");
  }
  for (const char* key : {"response_format", "stream", "partial_images", kChatParts}) {
    params.erase(key);
  }
  return params;
}

json ReadChatParts(const GenerateRequest& request) {
  if (request.params.find(kChatParts) == std::string::npos) return {};
  return Member(ParseJson(request.params), kChatParts);
}

void EraseOpenAiParams(json& params) {
  for (const char* key : {"quality", "style", "background", "moderation", "output_format",
                          "output_compression", "input_fidelity"}) {
    params.erase(key);
  }
}

Result<void> RequireTextOnly(const GenerateRequest& request, std::string_view api) {
  if (request.operation == "generate" && request.inputs.empty()) return {};
  return Fail(Code::kInvalidArgument,
              std::string(api) + " makes images from text only here; operation '" +
                  request.operation + "' with " + std::to_string(request.inputs.size()) +
                  " input images needs an upstream of kind openai or chat",
              "operation");
}

http::ClientRequest JsonPost(std::string path, const json& body) {
  return {.method = "POST",
          .url = std::move(path),
          .headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}},
          .body = DumpJson(body)};
}

}  // namespace reprise
