#include "upstream/openai_protocol.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "http/url.h"
#include "upstream/model_name.h"

namespace reprise {
namespace {

using nlohmann::json;

json ParseJson(std::string_view text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// A string member, or nothing: APIs also put null and numbers where strings belong.
std::string Text(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::unexpected<Error> TooLarge(std::size_t size, std::size_t limit) {
  return Fail(Code::kTooLarge, "the upstream sent an image of " + std::to_string(size) +
                                   " bytes; the limit is " + std::to_string(limit));
}

Result<std::string> DecodeImage(std::string_view text, std::size_t max_bytes) {
  if (text.starts_with("data:")) text.remove_prefix(std::min(text.find(',') + 1, text.size()));
  // Padding hides at most two bytes; nothing much larger than the limit is decoded.
  const std::size_t size = text.size() / 4 * 3;
  if (size > max_bytes + 2) return TooLarge(size, max_bytes);
  auto bytes = Base64Decode(text);
  if (!bytes) return Fail(Code::kBadUpstream, "the upstream's image is " + bytes.error().message);
  if (bytes->empty()) return Fail(Code::kBadUpstream, "the upstream sent an empty image");
  if (bytes->size() > max_bytes) return TooLarge(bytes->size(), max_bytes);
  return bytes;
}

Result<OpenAiImage> ParseImage(const json& entry, std::size_t max_bytes) {
  OpenAiImage image{.revised_prompt = Text(entry, "revised_prompt")};
  const std::string link = Text(entry, "url");
  const std::string encoded = Text(entry, "b64_json");
  if (encoded.empty() && (link.starts_with("https://") || link.starts_with("http://"))) {
    image.link = link;
    return image;
  }
  const bool is_data_url = encoded.empty() && link.starts_with("data:");
  if (encoded.empty() && !is_data_url) {
    return Fail(Code::kBadUpstream, "the upstream's answer has neither b64_json nor a usable url");
  }
  auto bytes = DecodeImage(is_data_url ? link : encoded, max_bytes);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  image.bytes = std::move(*bytes);
  return image;
}

// At most `limit` bytes, cut between UTF-8 characters: an error travels into logs and replies.
std::string Shorten(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  text.resize(limit);
  return text + "...";
}

// Where OpenAI and those who imitate it put what went wrong.
struct FaultText {
  std::string message, code, type, param;

  bool Is(std::string_view word) const { return code == word || type == word; }
};

FaultText ReadFaultText(const json& body) {
  if (!body.is_object()) return {};
  FaultText fault;
  const json error = body.value("error", json());
  if (error.is_object()) {
    fault = {Text(error, "message"), Text(error, "code"), Text(error, "type"),
             Text(error, "param")};
  } else {
    fault = {.message = error.is_string() ? error.get<std::string>() : Text(body, "detail"),
             .code = Text(body, "code")};
    if (fault.message.empty()) fault.message = Text(body, "message");
  }
  fault.message = Shorten(std::move(fault.message), 1000);
  for (std::string* name : {&fault.code, &fault.type, &fault.param}) {
    *name = Shorten(std::move(*name), 100);
  }
  return fault;
}

bool RefusesContent(const FaultText& fault) {
  constexpr std::string_view kWords[] = {"content_policy_violation", "moderation_blocked",
                                         "content_filter", "contentFilter"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return fault.Is(word); });
}

Code CodeOf(int status, const FaultText& fault) {
  if (status == 401) return Code::kBadUpstream;
  if (fault.code == "model_not_found") return Code::kNotFound;
  if (status == 429) return Code::kRateLimited;
  if (status >= 500) return Code::kUnavailable;
  if (RefusesContent(fault)) return Code::kForbidden;
  switch (status) {
    case 400:
    case 422:
      return Code::kInvalidArgument;
    case 403:
      return Code::kForbidden;
    case 404:
      return Code::kNotFound;
    case 413:
      return Code::kTooLarge;
    default:
      return Code::kBadUpstream;
  }
}

std::string Advice(int status) {
  if (status >= 300 && status < 400) return " (a redirect: check the upstream's base_url)";
  if (status == 402) return " (payment required: check the upstream's account)";
  return {};
}

}  // namespace

int ImagesPerCall(std::string_view model) {
  constexpr int kMostPerCall = 10;
  return BareModel(model) == "dall-e-3" ? 1 : kMostPerCall;
}

Result<std::string> OpenAiBody(const GenerateRequest& request, int count) {
  json body = ParseJson(request.params);
  if (!body.is_object()) {
    return Fail(Code::kInvalidArgument, "the request's other parameters are not a JSON object");
  }
  // How the gateway delivers its reply is not the upstream's business.
  for (const char* key : {"response_format", "stream", "partial_images"}) body.erase(key);
  body["model"] = request.model;
  body["prompt"] = request.prompt;
  body["n"] = count;
  if (request.width > 0 && request.height > 0) {
    body["size"] = std::to_string(request.width) + "x" + std::to_string(request.height);
  }
  if (request.seed) body["seed"] = *request.seed;
  if (!request.user.empty()) body["user"] = request.user;
  // gpt-image models refuse this parameter and always answer with base64.
  if (BareModel(request.model).starts_with("dall-e-")) body["response_format"] = "b64_json";
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<OpenAiAnswer> ParseOpenAiAnswer(const http::ClientResponse& response,
                                       std::size_t max_image_bytes) {
  const json body = ParseJson(response.body);
  if (!body.is_object() || !body.contains("data") || !body["data"].is_array()) {
    return Fail(Code::kBadUpstream,
                "the upstream's answer is not a list of images: " + DescribeAnswer(response));
  }
  OpenAiAnswer answer;
  for (const json& entry : body["data"]) {
    auto image = ParseImage(entry, max_image_bytes);
    if (!image) return std::unexpected(std::move(image.error()));
    answer.images.push_back(std::move(*image));
  }
  if (answer.images.empty()) {
    return Fail(Code::kBadUpstream, "the upstream's list of images is empty");
  }
  const auto usage = body.find("usage");
  if (usage != body.end() && usage->is_object()) answer.usage = usage->dump();
  return answer;
}

Result<http::ClientRequest> OpenAiLinkRequest(const std::string& link,
                                              const std::string& api_host) {
  const auto url = http::ParseUrl(link);
  if (!url) {
    return Fail(Code::kBadUpstream, "the upstream's image link is no good: " + url.error().message);
  }
  const bool trusted = url->host == api_host || http::IsPrivateHost(api_host);
  if (!trusted && url->scheme != "https") {
    return Fail(Code::kBadUpstream, "the upstream's image link " + url->Printable() +
                                        " is neither https nor on the upstream's own host");
  }
  return http::ClientRequest{.url = link, .public_addresses_only = !trusted};
}

OpenAiFault ReadOpenAiFault(std::string_view name, const http::ClientResponse& response) {
  const FaultText fault = ReadFaultText(ParseJson(response.body));
  const std::string answered =
      "upstream " + std::string(name) + " answered HTTP " + std::to_string(response.status);
  Error error{.code = CodeOf(response.status, fault),
              .message = answered + Advice(response.status) + ": " +
                         (fault.message.empty() ? DescribeAnswer(response) : fault.message),
              .param = fault.param,
              .upstream = fault.code.empty() ? fault.type : fault.code,
              .upstream_status = response.status};
  if (response.status == 401) {
    // The upstream's own words repeat part of the key.
    error.message = answered +
                    ": it refuses the gateway's own API key; set a valid key for this "
                    "upstream in the gateway's configuration or environment";
  }
  return {std::move(error), fault.Is("insufficient_quota") || fault.code == "model_not_found" ||
                                fault.Is("billing_hard_limit_reached")};
}

std::string DescribeAnswer(const http::ClientResponse& response) {
  constexpr std::size_t kShown = 80;
  std::string shown;
  for (const char c : response.body) {
    if (shown.size() == kShown) break;
    if (c >= 0x20 && c < 0x7F) shown += c;
  }
  const auto type = response.Header("content-type").value_or("no content type");
  return std::string(type) + ", " + std::to_string(response.body.size()) + " bytes" +
         (shown.empty() ? "" : ": " + shown);
}

}  // namespace reprise
