#include "upstream/api_answer.h"

#include <algorithm>

#include "base/bytes.h"
#include "http/ascii.h"

namespace reprise {
namespace {

using nlohmann::json;

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

// Where OpenAI and those who imitate it put what went wrong.
struct FaultText {
  std::string message, code, type, param;

  bool Is(std::string_view word) const { return code == word || type == word; }
};

// The first that says something, of members that hold a text, or FastAPI's list of problems.
std::string FirstMessage(const json& body) {
  for (const char* key : {"message", "detail", "errors", "error"}) {
    const auto found = body.find(key);
    if (found == body.end()) continue;
    if (found->is_string() && !found->get<std::string>().empty()) return *found;
    if (found->is_array() && !found->empty()) return TextOf(found->front(), "msg");
  }
  return {};
}

FaultText ReadFaultText(const json& body) {
  if (!body.is_object()) return {};
  FaultText fault;
  const json error = body.value("error", json());
  if (error.is_object()) {
    fault = {TextOf(error, "message"), TextOf(error, "code"), TextOf(error, "type"),
             TextOf(error, "param")};
  } else {
    fault = {.message = FirstMessage(body), .code = TextOf(body, "code")};
  }
  fault.message = Shorten(std::move(fault.message), 1000);
  for (std::string* name : {&fault.code, &fault.type, &fault.param}) {
    *name = Shorten(std::move(*name), 100);
  }
  return fault;
}

bool RefusesContent(const FaultText& fault) {
  return SoundsLikeRefusal(fault.code) || SoundsLikeRefusal(fault.type) ||
         SoundsLikeRefusal(fault.message);
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

const json& Member(const json& value, const char* key) {
  static const json kNull;
  if (!value.is_object()) return kNull;
  const auto found = value.find(key);
  return found == value.end() ? kNull : *found;
}

std::string_view TextAt(const json& object, const char* key) {
  const json& member = Member(object, key);
  return member.is_string() ? std::string_view(member.get_ref<const std::string&>()) : "";
}

std::string TextOf(const json& object, const char* key) {
  return std::string(TextAt(object, key));
}

Result<ApiImage> ReadImageText(std::string_view text, std::size_t max_bytes) {
  if (text.starts_with("https://") || text.starts_with("http://")) {
    return ApiImage{.link = std::string(text)};
  }
  auto bytes = DecodeImage(text, max_bytes);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  return ApiImage{.bytes = std::move(*bytes)};
}

bool SoundsLikeRefusal(std::string_view text) {
  constexpr std::string_view kPhrases[] = {
      "content_policy", "content policy", "content_filter",     "content filter",
      "contentfilter",  "nsfw",           "moderation_blocked", "blocked by moderation",
      "flagged",        "safety system",  "prohibited_content", "image_safety"};
  const std::string lower = http::AsciiLower(text);
  return std::any_of(std::begin(kPhrases), std::end(kPhrases), [&](std::string_view phrase) {
    return lower.find(phrase) != std::string::npos;
  });
}

std::string Shorten(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  text.resize(limit);
  return text + "...";
}

ApiFault ReadApiFault(std::string_view name, const http::ClientResponse& response) {
  const FaultText fault = ReadFaultText(ParseJson(response.body));
  const std::string answered =
      "upstream " + std::string(name) + " answered HTTP " + std::to_string(response.status);
  Error error{.code = CodeOf(response.status, fault),
              .message = answered + Advice(response.status) + ": " +
                         (fault.message.empty() ? DescribeAnswer(response) : fault.message),
              .param = fault.param,
              .upstream = fault.code.empty() ? fault.type : fault.code,
              .upstream_status = response.status};
  if (error.code == Code::kForbidden && error.upstream.empty() && RefusesContent(fault)) {
    error.upstream = kRefusalCode;
  }
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
