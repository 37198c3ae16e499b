// Automatic1111's Stable Diffusion web UI (and Forge), started with --api.
// https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API
#include "upstream/image_api.h"

namespace reprise {
namespace {

using nlohmann::json;

// Where several images come with a grid of all of them, the grid is first; `info` is JSON in text.
std::size_t FirstImage(const json& body) {
  const json info = ParseJson(TextOf(body, "info"));
  const json& first = Member(info, "index_of_first_image");
  return first.is_number_unsigned() ? first.get<std::size_t>() : 0;
}

class Automatic1111Api final : public ImageApi {
 public:
  std::string_view DefaultUrl() const override { return "http://127.0.0.1:7860"; }

  // --api-auth user:password
  std::string Authorization(const std::string& key) const override {
    return "Basic " + Base64Encode(key);
  }

  // The web UI's own limit of a batch.
  int ImagesPerCall(std::string_view) const override { return 8; }

  Result<http::ClientRequest> Compose(const GenerateRequest& request,
                                      std::chrono::milliseconds) const override {
    if (auto plain = RequireTextOnly(request, "Automatic1111"); !plain) {
      return std::unexpected(plain.error());
    }
    auto params = ReadParams(request);
    if (!params) return std::unexpected(params.error());
    json& body = *params;
    EraseOpenAiParams(body);
    body["prompt"] = request.prompt;
    body["batch_size"] = request.count;
    if (request.width > 0 && request.height > 0) {
      body["width"] = request.width;
      body["height"] = request.height;
    }
    body["seed"] = request.seed.value_or(-1);
    return JsonPost("/sdapi/v1/txt2img", body);
  }

  Result<ApiAnswer> Read(const http::ClientResponse& response,
                         std::size_t max_image_bytes) const override {
    const json body = ParseJson(response.body);
    const json& images = Member(body, "images");
    ApiAnswer answer;
    for (std::size_t i = FirstImage(body); images.is_array() && i < images.size(); ++i) {
      if (!images[i].is_string()) continue;
      auto image = ReadImageText(images[i].get_ref<const std::string&>(), max_image_bytes);
      if (!image) return std::unexpected(std::move(image.error()));
      answer.images.push_back(std::move(*image));
    }
    if (!answer.images.empty()) return answer;
    return Fail(Code::kBadUpstream,
                "the upstream's answer has no images: " + DescribeAnswer(response));
  }

  http::ClientRequest Probe() const override { return {.url = "/sdapi/v1/options"}; }
};

}  // namespace

std::unique_ptr<ImageApi> MakeAutomatic1111Api() {
  return std::make_unique<Automatic1111Api>();
}

}  // namespace reprise
