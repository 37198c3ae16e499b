#include "gateway/openai_images.h"

#include <nlohmann/json.hpp>

#include "gateway/cache_knobs.h"
#include "gateway/reply_headers.h"

namespace reprise {
namespace {

void AppendString(std::string_view key, std::string_view value, std::string& out) {
  out += '"';
  out += key;
  out += "\":";
  out += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void AppendImage(const ServedImage& image, bool as_url, std::string_view url_base,
                 std::string& out) {
  out += '{';
  if (!as_url) {
    out += "\"b64_json\":\"";
    Base64Append(*image.bytes, out);
    out += '"';
  } else if (!image.name.empty()) {
    AppendString("url", std::string(url_base) + "/images/" + image.name, out);
  } else {  // not stored, so nothing could answer a link to it
    out += "\"url\":\"data:" + image.media_type + ";base64,";
    Base64Append(*image.bytes, out);
    out += '"';
  }
  if (!image.revised_prompt.empty()) {
    out += ',';
    AppendString("revised_prompt", image.revised_prompt, out);
  }
  out += '}';
}

constexpr std::string_view kNoUsage =
    R"({"total_tokens":0,"input_tokens":0,"output_tokens":0,)"
    R"("input_tokens_details":{"text_tokens":0,"image_tokens":0}})";

}  // namespace

Result<ImageCall> ReadGeneration(const http::Request& http, const OpenAiSettings& settings) {
  auto call = ReadGenerationBody(http.body, Dialect::kOpenAi, settings);
  if (!call) return call;
  if (auto read = ReadCacheHeaders(http, call->request.control); !read) {
    return std::unexpected(read.error());
  }
  return call;
}

http::Response WriteImages(const Reply& reply, const Decision& decision, bool as_url,
                           std::string_view url_base) {
  std::size_t size = 512;
  for (const ServedImage& image : reply.images) {
    if (image.bytes) size += image.bytes->size() * 4 / 3 + 512;
  }
  std::string body;
  body.reserve(size);
  body += "{\"created\":" + std::to_string(reply.created_ms / 1000) + ",\"data\":[";
  for (const ServedImage& image : reply.images) {
    if (body.back() == '}') body += ',';
    AppendImage(image, as_url, url_base, body);
  }
  body += ']';
  // A hit used no tokens.
  if (!reply.usage.empty() || decision.outcome == Outcome::kHit) {
    body += ",\"usage\":";
    body += reply.usage.empty() ? kNoUsage : std::string_view(reply.usage);
  }
  body += '}';
  http::Response response = http::Json(200, std::move(body));
  ExplainReply(decision, response);
  if (reply.images.size() == 1) response.Set("ETag", reply.images.front().etag);
  return response;
}

}  // namespace reprise
