#include "gateway/pollinations_request.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "gateway/cache_knobs.h"
#include "gateway/errors.h"
#include "gateway/json_input.h"
#include "http/reply_head.h"
#include "http/router.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr int kMinPollinationsSide = 16;
constexpr int kPollinationsSide = 1024;
constexpr std::string_view kDefaultNegative = "worst quality, blurry";

// Who asks, or how the reply is presented: nothing the image depends on.
constexpr std::array<std::string_view, 8> kIgnored = {"nologo", "nofeed", "referrer", "referer",
                                                      "token",  "key",    "api_key",  "apikey"};

template <class T>
Result<T> ReadQueryNumber(std::string_view name, std::string_view text, T min, T max) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= min && value <= max)) {
    return Invalid(name, "'" + std::string(name) + "' must be a number from " + json(min).dump() +
                             " to " + json(max).dump() + ", not '" + Excerpt(text) + "'");
  }
  return value;
}

// Anything but "true" is false, as there. A name without a value is a wish too: "?no-cache".
bool IsTrue(std::string_view value) {
  return http::EqualsIgnoreCase(value, "true") || value == "1";
}

// The form of query strings: "+" is a space.
std::string DecodeQuery(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return http::PercentDecode(spaced);
}

std::vector<std::string> SplitLinks(std::string_view text) {
  const char separator = text.find('|') == std::string_view::npos ? ',' : '|';
  std::vector<std::string> links;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) links.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return links;
}

// Reads a query into the JSON body that would ask for the same.
class QueryReader {
 public:
  explicit QueryReader(int max_side) : max_side_(max_side) {}

  Result<void> Read(std::string_view query) {
    while (!query.empty()) {
      const auto end = std::min(query.find('&'), query.size());
      if (auto read = Pair(query.substr(0, end)); !read) return read;
      query.remove_prefix(std::min(end + 1, query.size()));
    }
    return {};
  }

  json Body(std::string prompt) {
    body_["prompt"] = std::move(prompt);
    if (width_ || height_ || !body_.contains("size")) {
      body_["size"] = std::to_string(width_.value_or(kPollinationsSide)) + "x" +
                      std::to_string(height_.value_or(kPollinationsSide));
    }
    return std::move(body_);
  }

  bool no_cache() const { return no_cache_; }
  bool is_private() const { return is_private_; }

 private:
  Result<void> Pair(std::string_view pair) {
    const auto equals = pair.find('=');
    const bool bare = equals == std::string_view::npos;
    const std::string name = DecodeQuery(pair.substr(0, equals));
    const std::string value = bare ? std::string() : DecodeQuery(pair.substr(equals + 1));
    if (!simdjson::validate_utf8(name) || !simdjson::validate_utf8(value)) {
      return Invalid("query", "the query is not UTF-8 after percent-decoding");
    }
    if (std::ranges::find(kIgnored, name) != kIgnored.end() || name.empty()) return {};
    if (!seen_.insert(name).second) {
      return Invalid(name, "'" + Excerpt(name) + "' stands twice in the query");
    }
    if (name == "no-cache" || name == "nocache") {
      no_cache_ = no_cache_ || value.empty() || IsTrue(value);
      return {};
    }
    if (value.empty()) return {};  // as good as left out
    return Parameter(name, value);
  }

  Result<void> Parameter(const std::string& name, const std::string& value) {
    if (name == "width") return Side(name, value, width_);
    if (name == "height") return Side(name, value, height_);
    if (name == "seed") return Integer(name, value);
    if (name == "guidance_scale") return Number(name, value);
    if (name == "private") {
      is_private_ = IsTrue(value);
    } else if (name == "enhance" || name == "safe" || name == "transparent") {
      if (IsTrue(value)) body_[name] = true;
    } else if (name == "negative_prompt") {
      if (value != kDefaultNegative) body_[name] = value;
    } else if (name == "image") {
      body_[name] = SplitLinks(value);
    } else {
      body_[name] = value;
    }
    return {};
  }

  Result<void> Side(const std::string& name, const std::string& value, std::optional<int>& side) {
    const auto read = ReadQueryNumber<int>(name, value, kMinPollinationsSide, max_side_);
    if (!read) return std::unexpected(read.error());
    side = *read;
    return {};
  }

  Result<void> Integer(const std::string& name, const std::string& value) {
    const auto read =
        ReadQueryNumber<std::int64_t>(name, value, -1, std::numeric_limits<std::int64_t>::max());
    if (!read) return std::unexpected(read.error());
    body_[name] = *read;
    return {};
  }

  Result<void> Number(const std::string& name, const std::string& value) {
    const auto read = ReadQueryNumber<double>(name, value, 0, 1000);
    if (!read) return std::unexpected(read.error());
    body_[name] = *read;
    return {};
  }

  const int max_side_;
  json body_ = json::object();
  std::set<std::string> seen_;
  std::optional<int> width_, height_;
  bool no_cache_ = false, is_private_ = false;
};

}  // namespace

Result<PollinationsCall> ReadPollinations(const http::Request& http,
                                          const OpenAiSettings& settings) {
  const std::string& prompt = http.params.at(0);
  if (!simdjson::validate_utf8(prompt)) {
    return Invalid("prompt", "the prompt is not UTF-8 after percent-decoding");
  }
  QueryReader query(settings.max_side);
  if (auto read = query.Read(http.query); !read) return std::unexpected(read.error());
  auto call = ReadGenerationBody(query.Body(prompt).dump(), Dialect::kNative, settings);
  if (!call) return std::unexpected(call.error());
  ImageRequest& request = call->request;
  if (auto read = ReadCacheHeaders(http, request.control); !read) {
    return std::unexpected(read.error());
  }
  request.control.no_cache = request.control.no_cache || query.no_cache();
  request.delivery.bytes = true;
  request.delivery.sent_as_is = true;
  return PollinationsCall{std::move(request), query.is_private()};
}

http::Response PollinationsError(const Error& error) {
  http::Response response = ErrorResponse(error);
  const std::string_view code = error.upstream.empty() ? CodeName(error.code) : error.upstream;
  json details = {{"code", code}};
  if (!error.param.empty()) details["param"] = error.param;
  const json body = {{"error", http::ReasonPhrase(response.status)},
                     {"message", error.message},
                     {"details", std::move(details)}};
  response.body = DumpJson(body);
  return response;
}

}  // namespace reprise
