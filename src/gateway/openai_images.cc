#include "gateway/openai_images.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/cache_knobs.h"
#include "gateway/reply_headers.h"
#include "http/sse.h"

namespace reprise {
namespace {

// Whether a JSON string holds it as it is.
bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

void AppendString(std::string_view key, std::string_view value, std::string& out) {
  out.append("\"").append(key).append("\":");
  if (IsPlain(value)) {
    out.append("\"").append(value).append("\"");
    return;
  }
  out += DumpJson(value);
}

void AppendImage(const ServedImage& image, bool as_url, const ImageLinks& links, std::string& out) {
  out += '{';
  if (!as_url) {
    out += "\"b64_json\":\"";
    Base64Append(*image.bytes, out);
    out += '"';
  } else if (!image.name.empty()) {
    AppendString("url", links.To(image.name), out);
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

// A hit used no tokens; empty where nothing is known.
std::string_view UsageOf(const Reply& reply, const Decision& decision) {
  if (!reply.usage.empty()) return reply.usage;
  return decision.outcome == Outcome::kHit ? kNoUsage : std::string_view();
}

std::size_t RestSize(const Reply& reply) {
  std::size_t size = 512;
  for (const ServedImage& image : reply.images) {
    size += 512 + (image.bytes ? image.bytes->size() * 4 / 3 : 0);
  }
  return size;
}

// What follows the start of the reply, which has its time.
void AppendRest(const Reply& reply, const Decision& decision, bool as_url, const ImageLinks& links,
                std::string& out) {
  for (const ServedImage& image : reply.images) {
    if (&image != reply.images.data()) out += ',';
    AppendImage(image, as_url, links, out);
  }
  out += ']';
  if (const auto usage = UsageOf(reply, decision); !usage.empty()) {
    out.append(",\"usage\":").append(usage);
  }
  out += '}';
}

// Under which the base64 of an image is kept; the image's name, as what follows it says its prompt.
std::string FormOf(const ServedImage& image) {
  return "json " + image.name;
}

// A parameter of the request that a finished picture repeats.
std::string ParamOr(const nlohmann::json& params, const char* name, std::string fallback) {
  const auto found = params.find(name);
  return found != params.end() && found->is_string() ? found->get<std::string>() : fallback;
}

// The events of one reply, each written when it is sent.
class ImageEvents final : public http::BodyStream {
 public:
  ImageEvents(Reply reply, const Decision& decision, const ImageRequest& request,
              int partial_images)
      : reply_(std::move(reply)),
        prefix_(request.operation == "edit" ? "image_edit." : "image_generation."),
        size_(ToString(request.size)),
        usage_(UsageOf(reply_, decision)),
        partial_images_(decision.outcome == Outcome::kHit ? partial_images : 0) {
    const auto params = nlohmann::json::parse(request.params, nullptr, false);
    quality_ = ParamOr(params, "quality", "auto");
    background_ = ParamOr(params, "background", "auto");
  }

  Task<Result<std::optional<std::string>>> Next() override {
    if (image_ == reply_.images.size()) co_return std::nullopt;
    const ServedImage& image = reply_.images[image_];
    if (partial_ < partial_images_) co_return Event(image, partial_++);
    partial_ = 0;
    ++image_;
    co_return Event(image, std::nullopt);
  }

 private:
  std::string Event(const ServedImage& image, std::optional<int> partial) const {
    const std::string type = prefix_ + (partial ? "partial_image" : "completed");
    std::string data;
    data.reserve(image.bytes->size() * 4 / 3 + 512);
    data += "{\"type\":\"" + type + "\",\"b64_json\":\"";
    Base64Append(*image.bytes, data);
    data += "\",\"created_at\":" + std::to_string(reply_.created_ms / 1000) + ',';
    AppendString("size", size_, data);
    data += ',';
    AppendString("quality", quality_, data);
    data += ',';
    AppendString("background", background_, data);
    const auto slash = image.media_type.find('/');
    data += ",\"output_format\":\"" + image.media_type.substr(slash + 1) + '"';
    if (partial) {
      data += ",\"partial_image_index\":" + std::to_string(*partial);
    } else if (!usage_.empty() && image_ == reply_.images.size()) {  // it is of all images
      data += ",\"usage\":" + usage_;
    }
    data += '}';
    return http::FormatSse({.type = type, .data = data, .id = ""});
  }

  const Reply reply_;
  const std::string prefix_, size_, usage_;
  const int partial_images_;
  std::string quality_, background_;
  std::size_t image_ = 0;
  int partial_ = 0;
};

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
                           const ImageLinks& links, BytesCache* kept) {
  std::string text = "{\"created\":" + std::to_string(reply.created_ms / 1000) + ",\"data\":[";
  const bool one = reply.images.size() == 1;
  // One stored image's is as immutable as the image.
  const bool keeps = kept && !as_url && decision.outcome == Outcome::kHit && one &&
                     reply.usage.empty() && !reply.images.front().name.empty();
  const ServedImage* const image = keeps ? reply.images.data() : nullptr;
  http::Response response = http::Json(200, {});
  if (const FileBytesPtr rest = image ? kept->GetFile(image->blob, FormOf(*image)) : nullptr) {
    response.body = http::FileBody{.before = std::move(text), .file = rest};
  } else {
    const std::size_t start = text.size();
    text.reserve(start + RestSize(reply));
    AppendRest(reply, decision, as_url, links, text);
    if (image) kept->PutFile(image->blob, FormOf(*image), std::string_view(text).substr(start));
    response.body = std::move(text);
  }
  ExplainReply(decision, response);
  if (one) response.Set("ETag", reply.images.front().etag);
  return response;
}

http::Response StreamImages(Reply reply, const Decision& decision, const ImageRequest& request,
                            int partial_images) {
  auto response = http::EventStream(
      std::make_shared<ImageEvents>(std::move(reply), decision, request, partial_images));
  ExplainReply(decision, response);
  return response;
}

}  // namespace reprise
