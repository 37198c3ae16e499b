// A RunPod serverless endpoint with an image worker: base_url is https://api.runpod.ai/v2/ENDPOINT.
// https://docs.runpod.io/serverless/endpoints/operation-reference
#include <algorithm>

#include "upstream/image_api.h"

namespace reprise {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// An answer without images is short.
constexpr std::size_t kLongestPending = 64u << 10;

// How long runsync may hold the call; RunPod takes 1 s to 5 min.
milliseconds WaitFor(milliseconds patience) {
  constexpr milliseconds kForTheWay{1000};
  return std::clamp(patience - kForTheWay, milliseconds(1000), milliseconds(90'000));
}

std::unexpected<Error> Failed(const std::string& status, std::string reason) {
  // Workers report exceptions as JSON within the text.
  const json details = ParseJson(reason);
  if (std::string message = TextOf(details, "error_message"); !message.empty()) reason = message;
  const bool refused = SoundsLikeRefusal(reason);
  Error error{.code = refused ? Code::kForbidden : Code::kBadUpstream,
              .message = "the upstream's job ended as " + status +
                         (reason.empty() ? "" : ": " + Shorten(std::move(reason), 1000)),
              .upstream = refused ? std::string(kRefusalCode) : status};
  return std::unexpected(std::move(error));
}

// Workers agree on no shape: a text, a list, or an object with one of these members; the entries of
// a list may be any of them again.
Result<void> Collect(const json& output, std::size_t max_image_bytes, ApiAnswer& answer) {
  if (output.is_string()) {
    auto image = ReadImageText(output.get_ref<const std::string&>(), max_image_bytes);
    if (!image) return std::unexpected(std::move(image.error()));
    answer.images.push_back(std::move(*image));
  } else if (output.is_array()) {
    for (const json& entry : output) {
      if (auto read = Collect(entry, max_image_bytes, answer); !read) return read;
    }
  } else if (output.is_object()) {
    for (const char* key : {"images", "image", "image_url", "url", "data", "message"}) {
      const auto found = output.find(key);
      if (found != output.end() && !found->is_null())
        return Collect(*found, max_image_bytes, answer);
    }
  }
  return {};
}

class RunPodApi final : public ImageApi {
 public:
  std::string_view DefaultUrl() const override { return {}; }

  Result<http::ClientRequest> Compose(const GenerateRequest& request,
                                      milliseconds patience) const override {
    if (auto plain = RequireTextOnly(request, "a RunPod worker"); !plain) {
      return std::unexpected(plain.error());
    }
    auto params = ReadParams(request);
    if (!params) return std::unexpected(params.error());
    json& input = *params;
    EraseOpenAiParams(input);  // workers refuse what they do not know
    input["prompt"] = request.prompt;
    if (request.width > 0 && request.height > 0) {
      input["width"] = request.width;
      input["height"] = request.height;
    }
    if (request.seed) input["seed"] = *request.seed;
    return JsonPost("/runsync?wait=" + std::to_string(WaitFor(patience).count()),
                    {{"input", std::move(input)}});
  }

  std::optional<ApiJob> PendingJob(const http::ClientResponse& response) const override {
    if (response.body.size() > kLongestPending) return {};
    const json body = ParseJson(response.body);
    const std::string status = TextOf(body, "status");
    const std::string id = TextOf(body, "id");
    const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '-' || c == '_';
    });
    if (id.empty() || !plain || (status != "IN_QUEUE" && status != "IN_PROGRESS")) return {};
    return ApiJob{.ask = {.url = "/status/" + id},
                  .cancel = {.method = "POST", .url = "/cancel/" + id}};
  }

  Result<ApiAnswer> Read(const http::ClientResponse& response,
                         std::size_t max_image_bytes) const override {
    const json body = ParseJson(response.body);
    const std::string status = TextOf(body, "status");
    if (status.empty()) {
      return Fail(Code::kBadUpstream,
                  "the upstream's answer is no RunPod job: " + DescribeAnswer(response));
    }
    if (status != "COMPLETED") return Failed(status, TextOf(body, "error"));
    const json& output = Member(body, "output");
    const std::string error = TextOf(output, "error");
    if (!error.empty()) return Failed(status, error);
    ApiAnswer answer;
    if (auto read = Collect(output, max_image_bytes, answer); !read) {
      return std::unexpected(std::move(read.error()));
    }
    if (!answer.images.empty()) return answer;
    return Fail(Code::kBadUpstream,
                "the upstream's job has no image in its output: " + DescribeAnswer(response));
  }

  http::ClientRequest Probe() const override { return {.url = "/health"}; }
};

}  // namespace

std::unique_ptr<ImageApi> MakeRunPodApi() {
  return std::make_unique<RunPodApi>();
}

}  // namespace reprise
