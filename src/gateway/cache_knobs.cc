#include "gateway/cache_knobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "gateway/json_input.h"

namespace reprise {
namespace {

constexpr std::int64_t kMaxTtlSeconds = 100LL * 365 * 24 * 3600;
constexpr int kMaxVariants = 10;
constexpr std::size_t kMaxTags = 32;  // an entry keeps them in memory, and a row for each
constexpr std::size_t kMaxTagLength = 100;
constexpr std::string_view kKnobMembers =
    "no-cache, no-store, only-if-cached, ttl, max-age, namespace, similarity_threshold, mode, "
    "match, max_error, variants, tags, category";

template <class T>
void TightenDown(std::optional<T>& setting, T value) {
  setting = setting ? std::min(*setting, value) : value;
}

template <class T>
void TightenUp(std::optional<T>& setting, T value) {
  setting = setting ? std::max(*setting, value) : value;
}

Result<void> SetMode(std::string_view name, std::string_view mode, CacheControl& control) {
  if (mode == "exact") {
    control.exact_only = true;
  } else if (mode != "semantic") {
    return Fail(
        Code::kInvalidArgument,
        "'" + std::string(name) + "' must be exact or semantic, not '" + Excerpt(mode) + "'",
        std::string(name));
  }
  return {};
}

Result<void> SetMatch(std::string_view name, std::string_view match, CacheControl& control) {
  if (match == "safe") {
    TightenUp(control.match_mode, MatchMode::kSafe);
  } else if (match == "hard") {
    TightenUp(control.match_mode, MatchMode::kHard);
  } else if (match != "off") {
    return Fail(
        Code::kInvalidArgument,
        "'" + std::string(name) + "' must be safe, hard or off, not '" + Excerpt(match) + "'",
        std::string(name));
  }
  return {};
}

// 0 bounds nothing.
void SetMaxError(double max_error, CacheControl& control) {
  if (max_error > 0) TightenDown(control.max_error, max_error);
}

Result<void> ReadFlag(std::string_view name, simdjson::dom::element value, bool& flag) {
  auto read = ReadBool(name, value);
  if (!read) return std::unexpected(read.error());
  flag = flag || *read;
  return {};
}

Result<void> ReadSeconds(std::string_view name, simdjson::dom::element value, std::int64_t min,
                         std::optional<std::int64_t>& setting_ms) {
  auto read = ReadInteger(name, value, min, kMaxTtlSeconds);
  if (!read) return std::unexpected(read.error());
  TightenDown(setting_ms, *read * 1000);
  return {};
}

Result<void> ReadText(std::string_view name, simdjson::dom::element value, std::string& text) {
  auto read = ReadName(name, value);
  if (!read) return std::unexpected(read.error());
  text = std::move(*read);
  return {};
}

Result<void> ReadMember(std::string_view key, simdjson::dom::element value, ImageRequest& request) {
  if (value.is_null()) return {};  // as good as left out
  CacheControl& control = request.control;
  const std::string name = "cache." + Excerpt(key);
  if (key == "no-cache") return ReadFlag(name, value, control.no_cache);
  if (key == "no-store") return ReadFlag(name, value, control.no_store);
  if (key == "only-if-cached") return ReadFlag(name, value, control.only_if_cached);
  if (key == "ttl") return ReadSeconds(name, value, 1, control.ttl_ms);
  if (key == "max-age" || key == "s-maxage") return ReadSeconds(name, value, 0, control.max_age_ms);
  if (key == "namespace") return ReadText(name, value, control.name_space);
  if (key == "category") return ReadText(name, value, request.category);
  if (key == "tags") return ReadTags("cache.tags", value, request.tags);
  if (key == "variants") {
    auto read = ReadInteger(name, value, 1, kMaxVariants);
    if (!read) return std::unexpected(read.error());
    TightenUp(control.variants, static_cast<int>(*read));
    return {};
  }
  if (key == "similarity_threshold") {
    auto read = ReadNumber(name, value, 0, 1);
    if (!read) return std::unexpected(read.error());
    TightenUp(control.similarity_threshold, *read);
    return {};
  }
  if (key == "max_error") {
    auto read = ReadNumber(name, value, 0, 1);
    if (!read) return std::unexpected(read.error());
    SetMaxError(*read, control);
    return {};
  }
  if (key == "mode" || key == "match") {
    std::string word;
    if (auto read = ReadText(name, value, word); !read) return read;
    return key == "mode" ? SetMode(name, word, control) : SetMatch(name, word, control);
  }
  return Fail(Code::kInvalidArgument,
              "unknown cache option '" + Excerpt(key) + "'; there are " + std::string(kKnobMembers),
              name);
}

template <class T>
Result<T> ParseNumber(std::string_view name, std::string_view text, T min, T max) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= min && value <= max)) {
    return Fail(Code::kInvalidArgument, fmt::format("{}: '{}' is not a number from {} to {}", name,
                                                    Excerpt(text), min, max));
  }
  return value;
}

std::string_view Unquote(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<void> ReadMaxAge(std::string_view text, CacheControl& control) {
  // More digits than any age has are a very long time (RFC 9111, 1.2.2).
  const bool huge = IsDigits(text) && text.size() > 9;
  auto seconds = huge
                     ? Result<std::int64_t>(kMaxTtlSeconds)
                     : ParseNumber<std::int64_t>("Cache-Control: max-age", text, 0, kMaxTtlSeconds);
  if (!seconds) return std::unexpected(seconds.error());
  TightenDown(control.max_age_ms, *seconds * 1000);
  return {};
}

Result<void> ReadDirective(std::string_view directive, CacheControl& control) {
  const auto equals = directive.find('=');
  const std::string_view name = Trim(directive.substr(0, equals));
  if (http::EqualsIgnoreCase(name, "no-cache")) control.no_cache = true;
  if (http::EqualsIgnoreCase(name, "no-store")) control.no_store = true;
  if (http::EqualsIgnoreCase(name, "only-if-cached")) control.only_if_cached = true;
  if (!http::EqualsIgnoreCase(name, "max-age") || equals == std::string_view::npos) return {};
  return ReadMaxAge(Unquote(Trim(directive.substr(equals + 1))), control);
}

// Where the first directive ends: a comma that no quotes enclose.
std::size_t DirectiveEnd(std::string_view header) {
  bool quoted = false;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (quoted && header[i] == '\\') {
      ++i;
    } else if (header[i] == '"') {
      quoted = !quoted;
    } else if (header[i] == ',' && !quoted) {
      return i;
    }
  }
  return header.size();
}

Result<void> ReadCacheControl(std::string_view header, CacheControl& control) {
  while (!header.empty()) {
    const std::size_t end = DirectiveEnd(header);
    if (auto read = ReadDirective(Trim(header.substr(0, end)), control); !read) return read;
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return {};
}

Result<void> ReadSecondsHeader(std::string_view value, CacheControl& control) {
  auto seconds = ParseNumber<std::int64_t>("X-Reprise-TTL", value, 1, kMaxTtlSeconds);
  if (!seconds) return std::unexpected(seconds.error());
  TightenDown(control.ttl_ms, *seconds * 1000);
  return {};
}

Result<void> ReadThresholdHeader(std::string_view value, CacheControl& control) {
  auto threshold = ParseNumber<double>("X-Reprise-Threshold", value, 0, 1);
  if (!threshold) return std::unexpected(threshold.error());
  TightenUp(control.similarity_threshold, *threshold);
  return {};
}

Result<void> ReadMaxErrorHeader(std::string_view value, CacheControl& control) {
  auto max_error = ParseNumber<double>("X-Reprise-Max-Error", value, 0, 1);
  if (!max_error) return std::unexpected(max_error.error());
  SetMaxError(*max_error, control);
  return {};
}

Result<void> ReadVariantsHeader(std::string_view value, CacheControl& control) {
  auto variants = ParseNumber<int>("X-Reprise-Variants", value, 1, kMaxVariants);
  if (!variants) return std::unexpected(variants.error());
  TightenUp(control.variants, *variants);
  return {};
}

Result<void> ReadHeader(std::string_view name, std::string_view value, CacheControl& control) {
  const auto is = [name](std::string_view wanted) { return http::EqualsIgnoreCase(name, wanted); };
  if (is("Cache-Control")) return ReadCacheControl(value, control);
  if (value.empty()) return {};
  if (is("X-Reprise-TTL")) return ReadSecondsHeader(value, control);
  if (is("X-Reprise-Threshold")) return ReadThresholdHeader(value, control);
  if (is("X-Reprise-Max-Error")) return ReadMaxErrorHeader(value, control);
  if (is("X-Reprise-Variants")) return ReadVariantsHeader(value, control);
  if (is("X-Reprise-Mode")) return SetMode("X-Reprise-Mode", value, control);
  if (is("X-Reprise-Match")) return SetMatch("X-Reprise-Match", value, control);
  if (is("X-Reprise-Namespace")) control.name_space = value;
  return {};
}

}  // namespace

Result<void> ReadTags(std::string_view name, simdjson::dom::element value,
                      std::vector<std::string>& tags) {
  const std::string quoted = "'" + std::string(name) + "'";
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return Invalid(name, quoted + " must be a list of strings");
  }
  for (simdjson::dom::element item : array) {
    auto tag = ReadString(name, item);
    if (!tag) return std::unexpected(tag.error());
    if (tag->empty() || tag->size() > kMaxTagLength) {
      return Invalid(name, "a tag of " + quoted + " has 1 to " + std::to_string(kMaxTagLength) +
                               " bytes, not '" + Excerpt(*tag) + "'");
    }
    if (tags.size() == kMaxTags) {
      return Invalid(name, "a request has at most " + std::to_string(kMaxTags) + " tags; " +
                               quoted + " brings more");
    }
    tags.push_back(std::move(*tag));
  }
  return {};
}

Result<void> ReadCacheObject(simdjson::dom::element value, ImageRequest& request) {
  return ForEachField(value, "cache", [&](std::string_view key, simdjson::dom::element member) {
    return ReadMember(key, member, request);
  });
}

bool HasCacheHeaders(const http::Request& http) {
  constexpr std::string_view kOurs = "X-Reprise-";
  return std::ranges::any_of(http.headers, [&](const auto& header) {
    return http::EqualsIgnoreCase(header.first, "Cache-Control") ||
           http::EqualsIgnoreCase(header.first.substr(0, kOurs.size()), kOurs);
  });
}

Result<void> ReadCacheHeaders(const http::Request& http, CacheControl& control) {
  for (const auto& [name, value] : http.headers) {  // several lines of a name all count
    if (auto read = ReadHeader(name, value, control); !read) return read;
  }
  return {};
}

}  // namespace reprise
