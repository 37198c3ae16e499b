#include "gateway/openai_images.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "gateway/cache_knobs.h"
#include "gateway/json_input.h"
#include "gateway/reply_headers.h"

namespace reprise {
namespace {

using simdjson::dom::element;

constexpr int kMinSide = 16;
constexpr int kMaxImages = 10;

std::unexpected<Error> Invalid(std::string param, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message), std::move(param));
}

std::size_t CodePoints(std::string_view utf8) {
  std::size_t count = 0;
  for (unsigned char c : utf8) count += (c & 0xc0) != 0x80;
  return count;
}

// Whether nothing would be seen of the text: white space, controls and zero-width characters only.
bool IsBlank(std::string_view text) {
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, length, c);
    const auto type = u_charType(c);
    const bool unseen = u_isUWhiteSpace(c) || type == U_CONTROL_CHAR || type == U_FORMAT_CHAR;
    if (c < 0 || !unseen) return false;
  }
  return true;
}

// Reads one body into one call, parameter by parameter.
class GenerationReader {
 public:
  explicit GenerationReader(const OpenAiSettings& settings) : settings_(settings) {}

  Result<ImageCall> Read(std::string_view body) {
    auto read = ForEachField(
        body, [this](std::string_view key, element value) { return Field(key, value); });
    if (!read) return std::unexpected(read.error());
    return Finish();
  }

 private:
  Result<void> Field(std::string_view key, element value) {
    if (value.is_null()) return {};  // as good as left out
    if (key == "prompt") return Text(key, value, request().prompt);
    if (key == "model") return Text(key, value, request().model);
    if (key == "user") return Text(key, value, request().user);
    if (key == "size") return Size(value);
    if (key == "n") return Count(value);
    if (key == "seed") return Seed(value);
    if (key == "response_format") return ResponseFormat(value);
    if (key == "output_format") return OutputFormat(value);
    if (key == "output_compression") return Compression(value);
    if (key == "cache") return ReadCacheObject(value, request());
    if (key == "stream") return Stream(value);
    if (key == "partial_images") return {};  // means something only with stream
    params_[std::string(key)] = ToJson(value);
    return {};
  }

  Result<void> Text(std::string_view key, element value, std::string& text) {
    auto read = ReadString(key, value);
    if (!read) return std::unexpected(read.error());
    text = std::move(*read);
    return {};
  }

  Result<void> Size(element value) {
    auto text = ReadString("size", value);
    if (!text) return std::unexpected(text.error());
    auto size = ParseSize(*text, settings_.max_side);
    if (!size) return std::unexpected(size.error());
    request().size = *size;
    size_given_ = true;
    return {};
  }

  Result<void> Count(element value) {
    auto count = ReadInteger("n", value, 1, kMaxImages);
    if (!count) return std::unexpected(count.error());
    request().count = static_cast<int>(*count);
    return {};
  }

  Result<void> Seed(element value) {
    auto seed = ReadInteger("seed", value, -1, std::numeric_limits<std::int64_t>::max());
    if (!seed) return std::unexpected(seed.error());
    if (*seed == -1) {
      request().fresh_seed = true;
    } else {
      request().seed = *seed;
    }
    return {};
  }

  Result<void> ResponseFormat(element value) {
    auto read = ReadString("response_format", value);
    if (!read) return std::unexpected(read.error());
    if (*read != "url" && *read != "b64_json") {
      return Invalid("response_format",
                     "'response_format' must be url or b64_json, not '" + Excerpt(*read) + "'");
    }
    response_format_ = std::move(*read);
    return {};
  }

  Result<void> OutputFormat(element value) {
    auto read = ReadString("output_format", value);
    if (!read) return std::unexpected(read.error());
    const auto format = FormatFromName(*read);
    if (!format) {
      return Invalid("output_format",
                     "'output_format' must be png, jpeg or webp, not '" + Excerpt(*read) + "'");
    }
    request().delivery.format = *format;
    return {};
  }

  Result<void> Compression(element value) {
    auto read = ReadInteger("output_compression", value, 0, 100);
    if (!read) return std::unexpected(read.error());
    request().delivery.quality = std::max(1, static_cast<int>(*read));
    return {};
  }

  Result<void> Stream(element value) {
    auto read = ReadBool("stream", value);
    if (!read) return std::unexpected(read.error());
    if (!*read) return {};
    return Invalid("stream", "streamed replies are not supported; leave 'stream' out");
  }

  Result<ImageCall> Finish() {
    if (IsBlank(request().prompt)) {
      return Invalid("prompt", "'prompt' is missing or empty; say what the image should show");
    }
    const std::size_t length = CodePoints(request().prompt);
    if (length > settings_.prompt_chars) {
      return Invalid("prompt", "'prompt' has " + std::to_string(length) + " characters; at most " +
                                   std::to_string(settings_.prompt_chars) + " are accepted");
    }
    if (request().model.empty()) request().model = settings_.default_model;
    // What OpenAI's API does when they are left out.
    const bool dall_e = request().model.starts_with("dall-e");
    if (!size_given_ && dall_e) request().size = {1024, 1024};
    call_.as_url = response_format_.empty() ? dall_e : response_format_ == "url";
    request().delivery.bytes = !call_.as_url;
    request().params = params_.dump();
    return std::move(call_);
  }

  ImageRequest& request() { return call_.request; }

  const OpenAiSettings& settings_;
  ImageCall call_;
  nlohmann::json params_ = nlohmann::json::object();
  std::string response_format_;
  bool size_given_ = false;
};

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

Result<ImageSize> ParseSize(std::string_view text, int max_side) {
  if (text == "auto") return ImageSize{};
  const auto wrong = [&] {
    return Invalid("size", "'size' must be auto or WIDTHxHEIGHT with sides from " +
                               std::to_string(kMinSide) + " to " + std::to_string(max_side) +
                               ", e.g. 1024x1024, not '" + Excerpt(text) + "'");
  };
  ImageSize size;
  const char* end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, size.width);
  if (width.ec != std::errc() || width.ptr == end || *width.ptr != 'x') return wrong();
  const auto height = std::from_chars(width.ptr + 1, end, size.height);
  if (height.ec != std::errc() || height.ptr != end) return wrong();
  if (std::min(size.width, size.height) < kMinSide ||
      std::max(size.width, size.height) > max_side) {
    return wrong();
  }
  return size;
}

Result<ImageCall> ReadGeneration(const http::Request& http, const OpenAiSettings& settings) {
  auto call = GenerationReader(settings).Read(http.body);
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
