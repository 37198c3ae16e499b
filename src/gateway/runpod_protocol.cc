#include "gateway/runpod_protocol.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/cache_knobs.h"
#include "gateway/errors.h"
#include "gateway/json_input.h"
#include "gateway/reply_headers.h"

namespace reprise {
namespace {

using nlohmann::json;
using simdjson::dom::element;
using std::chrono::milliseconds;

constexpr int kMinRunPodSide = 16;
constexpr int kRunPodSide = 1024;
constexpr std::int64_t kMinWaitMs = 1000, kMaxWaitMs = 300'000;
constexpr milliseconds kDefaultWait{90'000};

// Reads a request into the native body that would ask for the same.
class InputReader {
 public:
  explicit InputReader(int max_side) : max_side_(max_side) {}

  Result<void> Read(std::string_view body) {
    auto read = ForEachField(body, [this](std::string_view key, element value) -> Result<void> {
      if (key == "input") return Input(value);
      if (key != "webhook" || value.is_null()) return {};  // RunPod's own options, "policy" say
      return Invalid("webhook", "webhooks are not called; ask /status/ID for the result");
    });
    if (read && !given_) return Invalid("input", "'input' is missing; write {\"input\": {...}}");
    return read;
  }

  // What ReadGenerationBody takes.
  std::string Body(std::string_view endpoint) {
    body_["model"] = endpoint;
    if (width_ || height_) {
      body_["size"] = std::to_string(width_.value_or(kRunPodSide)) + "x" +
                      std::to_string(height_.value_or(kRunPodSide));
    }
    return body_.dump();
  }

 private:
  Result<void> Input(element value) {
    given_ = true;
    return ForEachField(value, "input", [this](std::string_view key, element member) {
      return Member(key, member);
    });
  }

  Result<void> Member(std::string_view key, element value) {
    if (value.is_null()) return {};  // as good as left out
    if (key == "width") return Side(key, value, width_);
    if (key == "height") return Side(key, value, height_);
    if (key == "num_images" || key == "num_outputs" || key == "batch_size")
      return Count(key, value);
    if (key == "model") {
      return Invalid(key, "the endpoint in the path names the model; leave 'input.model' out");
    }
    json member = ToJson(value);
    if (key == "negative_prompt" && member == "") return {};  // the workers' default
    body_[std::string(key)] = std::move(member);
    return {};
  }

  Result<void> Side(std::string_view key, element value, std::optional<int>& side) {
    const auto read = ReadInteger(key, value, kMinRunPodSide, max_side_);
    if (!read) return std::unexpected(read.error());
    side = static_cast<int>(*read);
    return {};
  }

  Result<void> Count(std::string_view key, element value) {
    if (body_.contains("n")) return Invalid(key, "the number of images stands twice in 'input'");
    const auto read = ReadInteger(key, value, 1, 10);
    if (!read) return std::unexpected(read.error());
    body_["n"] = *read;
    return {};
  }

  const int max_side_;
  json body_ = json::object();
  std::optional<int> width_, height_;
  bool given_ = false;
};

std::string DataUrl(const ServedImage& image) {
  std::string url = "data:" + image.media_type + ";base64,";
  Base64Append(*image.bytes, url);
  return url;
}

json Output(const Reply& reply, bool as_url, const ImageLinks& links) {
  json images = json::array();
  for (const ServedImage& image : reply.images) {
    const bool link = as_url && !image.name.empty();
    images.push_back(link ? links.To(image.name) : DataUrl(image));
  }
  json output = {{"image_url", images.front()}};
  output["images"] = std::move(images);
  return output;
}

}  // namespace

Result<ImageCall> ReadRunPod(const http::Request& http, std::string_view endpoint,
                             const OpenAiSettings& settings) {
  if (!simdjson::validate_utf8(endpoint.data(), endpoint.size())) {
    return Invalid("endpoint", "the endpoint is not UTF-8 after percent-decoding");
  }
  InputReader input(settings.max_side);
  if (auto read = input.Read(http.body); !read) return std::unexpected(read.error());
  auto call = ReadGenerationBody(input.Body(endpoint), Dialect::kNative, settings);
  if (!call) return call;
  if (auto read = ReadCacheHeaders(http, call->request.control); !read) {
    return std::unexpected(read.error());
  }
  return call;
}

Result<milliseconds> ReadWait(std::string_view query) {
  milliseconds wait = kDefaultWait;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!part.starts_with("wait=")) continue;
    part.remove_prefix(5);
    std::int64_t value = 0;
    const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || last != part.data() + part.size() || value < kMinWaitMs ||
        value > kMaxWaitMs) {
      return Invalid("wait",
                     "'wait' must be 1000 to 300000 milliseconds, not '" + Excerpt(part) + "'");
    }
    wait = milliseconds(value);
  }
  return wait;
}

std::string_view ToString(RunPodStatus status) {
  switch (status) {
    case RunPodStatus::kInQueue:
      return "IN_QUEUE";
    case RunPodStatus::kInProgress:
      return "IN_PROGRESS";
    case RunPodStatus::kCompleted:
      return "COMPLETED";
    case RunPodStatus::kFailed:
      return "FAILED";
    case RunPodStatus::kCancelled:
      return "CANCELLED";
  }
  return "FAILED";
}

http::Response WriteRunPodJob(const RunPodJobView& job, const ImageLinks& links) {
  json body = {{"id", job.id}, {"status", ToString(job.status)}};
  if (job.status != RunPodStatus::kInQueue) body["delayTime"] = job.delay.count();
  if (job.answer) {
    body["executionTime"] = job.execution.count();
    if (job.answer->reply) {
      body["output"] = Output(*job.answer->reply, job.as_url, links);
    } else {
      body["error"] = job.answer->reply.error().message;
    }
  }
  http::Response response = http::Json(200, DumpJson(body));
  if (job.answer) ExplainReply(job.answer->decision, response);
  return response;
}

http::Response RunPodError(const Error& error) {
  http::Response response = ErrorResponse(error);
  response.body = DumpJson({{"error", error.message}});
  return response;
}

}  // namespace reprise
