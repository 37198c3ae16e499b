#include "gateway/generation_reader.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "gateway/cache_knobs.h"
#include "gateway/json_input.h"

namespace reprise {
namespace {

using simdjson::dom::element;

constexpr int kMinSide = 16;
constexpr int kMaxImages = 10;
// The images of a request that are made one by one take the seeds that follow.
constexpr std::int64_t kMaxSeed = std::numeric_limits<std::int64_t>::max() - kMaxImages;
constexpr int kMaxPartialImages = 3;
constexpr std::size_t kMaxParams = 4u << 20;  // an entry keeps them in memory

// Reads one body into one call, parameter by parameter.
class GenerationReader {
 public:
  GenerationReader(Dialect dialect, const OpenAiSettings& settings)
      : native_(dialect == Dialect::kNative),
        takes_prompt_(dialect != Dialect::kOpenAiVariation),
        settings_(settings) {}

  Result<ImageCall> Read(std::string_view body) {
    auto read = ForEachField(
        body, [this](std::string_view key, element value) { return Field(key, value); });
    if (!read) return std::unexpected(read.error());
    return Finish();
  }

 private:
  Result<void> Field(std::string_view key, element value) {
    if (value.is_null()) return {};  // as good as left out
    if (key == "prompt" && takes_prompt_) return Text(key, value, request().prompt);
    if (key == "model") return Name(key, value, request().model);
    if (key == "user") return Name(key, value, request().user);
    if (key == "size") return Size(value);
    if (key == "n") return Count(value);
    if (key == "seed") return Seed(value);
    if (key == "response_format") return ResponseFormat(value);
    if (key == "output_format") return OutputFormat(value);
    if (key == "output_compression") return Compression(value);
    if (key == "cache") return ReadCacheObject(value, request());
    if (key == "stream") return Stream(value);
    if (key == "partial_images") return PartialImages(value);
    if (native_ && key == "tags") return ReadTags(key, value, request().tags);
    if (native_ && key == "category") return Name(key, value, request().category);
    if (native_ && key == "prefer") return Prefer(value);
    params_[std::string(key)] = ToJson(value);
    return {};
  }

  Result<void> Prefer(element value) {
    auto read = ReadString("prefer", value);
    if (!read) return std::unexpected(read.error());
    const auto preference = ParsePreference(*read);
    if (!preference) return std::unexpected(preference.error());
    request().prefer = *preference;
    return {};
  }

  Result<void> Text(std::string_view key, element value, std::string& text) {
    auto read = ReadString(key, value);
    if (!read) return std::unexpected(read.error());
    text = std::move(*read);
    return {};
  }

  Result<void> Name(std::string_view key, element value, std::string& text) {
    auto read = ReadName(key, value);
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
    auto seed = ReadInteger("seed", value, -1, kMaxSeed);
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
    if (*read && native_) {
      return Invalid("stream", "this route does not stream; leave 'stream' out");
    }
    call_.stream = *read;
    return {};
  }

  Result<void> PartialImages(element value) {
    auto count = ReadInteger("partial_images", value, 0, kMaxPartialImages);
    if (!count) return std::unexpected(count.error());
    call_.partial_images = static_cast<int>(*count);
    return {};
  }

  Result<void> CheckPrompt() {
    if (IsBlank(request().prompt)) {
      return Invalid("prompt", "'prompt' is missing or empty; say what the image should show");
    }
    const std::size_t length = CodePoints(request().prompt);
    if (length > settings_.prompt_chars) {
      return Invalid("prompt", "'prompt' has " + std::to_string(length) + " characters; at most " +
                                   std::to_string(settings_.prompt_chars) + " are accepted");
    }
    return {};
  }

  Result<ImageCall> Finish() {
    if (takes_prompt_) {
      if (auto checked = CheckPrompt(); !checked) return std::unexpected(checked.error());
    }
    if (call_.stream && response_format_ == "url") {
      return Invalid("response_format",
                     "'response_format' cannot be url with 'stream': events carry b64_json");
    }
    if (request().model.empty()) request().model = settings_.default_model;
    // What OpenAI's API does when they are left out.
    const bool dall_e = request().model.starts_with("dall-e");
    if (!size_given_ && dall_e) request().size = {1024, 1024};
    const bool by_default = (dall_e || native_) && !call_.stream;
    call_.as_url = response_format_.empty() ? by_default : response_format_ == "url";
    request().delivery.bytes = !call_.as_url;
    request().params = params_.dump();
    if (request().params.size() > kMaxParams) {
      return Fail(Code::kTooLarge,
                  "the parameters beside the prompt have " +
                      std::to_string(request().params.size()) + " bytes; at most " +
                      std::to_string(kMaxParams) +
                      " are accepted: send images as those of an edit, or of a chat message");
    }
    return std::move(call_);
  }

  ImageRequest& request() { return call_.request; }

  const bool native_;
  const bool takes_prompt_;
  const OpenAiSettings& settings_;
  ImageCall call_;
  nlohmann::json params_ = nlohmann::json::object();
  std::string response_format_;
  bool size_given_ = false;
};

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

Result<Preference> ParsePreference(std::string_view text) {
  if (text == "quality") return Preference::kQuality;
  if (text == "speed") return Preference::kSpeed;
  if (text == "price") return Preference::kPrice;
  return Invalid("prefer", "'prefer' must be quality, speed or price, not '" + Excerpt(text) + "'");
}

Result<ImageCall> ReadGenerationBody(std::string_view body, Dialect dialect,
                                     const OpenAiSettings& settings) {
  return GenerationReader(dialect, settings).Read(body);
}

}  // namespace reprise
