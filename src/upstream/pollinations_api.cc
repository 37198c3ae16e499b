// Pollinations' image service: the prompt in the path, the image as the answer.
// https://github.com/pollinations/pollinations/blob/master/APIDOCS.md
#include <random>

#include "upstream/image_api.h"

namespace reprise {
namespace {

using nlohmann::json;

// RFC 3986, 2.3: everything but unreserved characters.
std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return encoded;
}

void AddParameter(std::string_view name, std::string_view value, std::string& path) {
  path += path.find('?') == std::string::npos ? '?' : '&';
  path += PercentEncode(name) + "=" + PercentEncode(value);
}

// Without one the service gives every caller the same image.
std::int64_t AnySeed() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return static_cast<std::int64_t>(random());  // below 2^31
}

class PollinationsApi final : public ImageApi {
 public:
  std::string_view DefaultUrl() const override { return "https://image.pollinations.ai"; }

  Result<http::ClientRequest> Compose(const GenerateRequest& request,
                                      std::chrono::milliseconds) const override {
    if (auto plain = RequireTextOnly(request, "Pollinations"); !plain) {
      return std::unexpected(plain.error());
    }
    if (request.prompt.empty()) {
      return Fail(Code::kInvalidArgument, "Pollinations needs a prompt; it is empty", "prompt");
    }
    auto params = ReadParams(request);
    if (!params) return std::unexpected(params.error());
    for (const char* own : {"width", "height", "model", "seed"}) params->erase(own);
    std::string path = "/prompt/" + PercentEncode(request.prompt);
    if (request.width > 0 && request.height > 0) {
      AddParameter("width", std::to_string(request.width), path);
      AddParameter("height", std::to_string(request.height), path);
    }
    if (!request.model.empty()) AddParameter("model", request.model, path);
    AddParameter("seed", std::to_string(request.seed.value_or(AnySeed())), path);
    for (const auto& [name, value] : params->items()) {
      if (value.is_structured() || value.is_null()) continue;
      AddParameter(name, value.is_string() ? value.get<std::string>() : value.dump(), path);
    }
    return http::ClientRequest{.url = std::move(path), .headers = {{"Accept", "image/*"}}};
  }

  Result<ApiAnswer> Read(const http::ClientResponse& response,
                         std::size_t max_image_bytes) const override {
    const auto type = response.Header("content-type").value_or("");
    if (response.body.empty() || !type.starts_with("image/")) {
      return Fail(Code::kBadUpstream,
                  "the upstream's answer is no image: " + DescribeAnswer(response));
    }
    if (response.body.size() > max_image_bytes) {
      return Fail(Code::kTooLarge, "the upstream sent an image of " +
                                       std::to_string(response.body.size()) +
                                       " bytes; the limit is " + std::to_string(max_image_bytes));
    }
    ApiAnswer answer;
    answer.images.push_back({.bytes = response.body});
    return answer;
  }

  http::ClientRequest Probe() const override { return {.url = "/models"}; }
};

}  // namespace

std::unique_ptr<ImageApi> MakePollinationsApi() {
  return std::make_unique<PollinationsApi>();
}

}  // namespace reprise
